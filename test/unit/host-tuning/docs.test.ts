import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { HOST_SETTING_IDS, HOST_SYSTEMS } from '../../../spec/hosts-choices.ts';
import { hostTuningTables, MARK } from '../../support/host-tuning-docs.ts';

const page = readFileSync('docs/host-tuning.md', 'utf8');

it('docs/host-tuning.md has the tables that the data give', () => {
  const [, tables] = page.split(`${MARK}\n\n`);
  expect(tables, 'run: node scripts/run.mjs test/support/write-host-tuning-docs.ts').toBe(hostTuningTables());
});

it('docs/host-tuning.md names every setting and every system', () => {
  for (const id of HOST_SETTING_IDS) expect(page).toContain(`\`${id}\``);
  for (const system of HOST_SYSTEMS) expect(page).toContain(`\`${system}\``);
});
