// Writes spec/schema.json. Run it after every change of spec/schema.ts: node scripts/run.mjs spec/write-schema.ts
import { writeFileSync } from 'node:fs';
import { specJsonSchema } from './json-schema.ts';

writeFileSync(new URL('schema.json', import.meta.url), specJsonSchema());
