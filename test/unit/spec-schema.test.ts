import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { specJsonSchema } from '../../spec/json-schema.ts';
import { documentSchema, PLACES } from '../../spec/schema.ts';

describe('spec/schema.json', () => {
  it('is what spec/schema.ts says', () => {
    const published = readFileSync('spec/schema.json', 'utf8');
    expect(published, 'run: node scripts/run.mjs spec/write-schema.ts').toBe(specJsonSchema());
  });

  it('refuses unknown settings, so that an editor marks them', () => {
    expect(JSON.parse(specJsonSchema())).toMatchObject({ additionalProperties: false, required: ['erasure'] });
  });
});

it('every setting has a description, for the editor, and a remedy, for the error', () => {
  for (const [name, schema] of Object.entries(documentSchema.shape)) {
    const { description } = z.toJSONSchema(schema, { io: 'input' });
    expect(description, name).toMatch(/\.$/);
    expect(PLACES[name]?.remedy, name).toMatch(/\.$/);
  }
});

it.each([
  'cluster.yaml',
  ...readdirSync('examples')
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `examples/${name}`),
])('%s tells editors where its schema is', (file) => {
  const [first] = readFileSync(file, 'utf8').split('\n');
  expect(first).toBe(`# yaml-language-server: $schema=${file.includes('/') ? '..' : '.'}/spec/schema.json`);
});
