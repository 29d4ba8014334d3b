// Writes the tables of docs/host-tuning.md anew, from the data that hosts are made of. Run it after every change of
// host-tuning/settings-table.ts and conflicts.ts: node scripts/run.mjs test/support/write-host-tuning-docs.ts
import { readFileSync, writeFileSync } from 'node:fs';
import { hostTuningTables, MARK } from './host-tuning-docs.ts';

const page = new URL('../../docs/host-tuning.md', import.meta.url);
const [head] = readFileSync(page, 'utf8').split(MARK);
writeFileSync(page, `${head}${MARK}\n\n${hostTuningTables()}`);
