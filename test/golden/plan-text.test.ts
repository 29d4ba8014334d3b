// The printed plans of the default cluster, of the examples and of specs that are refused, word by word. When one changes on
// purpose: node scripts/run.mjs vitest run -u test/golden/plan-text.test.ts, and read the difference as an operator would.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { planText } from '../../cli/plan-text/plan-text.ts';
import { makePlan } from '../../plan/make-plan.ts';
import { parseClusterSpec } from '../../spec/cluster-spec.ts';

function printed(text: string, all = false): string {
  const result = parseClusterSpec(text, 'test');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return `${planText(makePlan(result.spec), { all })}\n`;
}

const examples = readdirSync('examples').filter((name) => name.endsWith('.yaml'));

const REFUSED: readonly [string, string][] = [
  ['six-shards-four-drives', 'erasure: 4+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n'],
  ['two-zones', 'erasure: 2+2\nzones: {a: 2, b: 2}\ndrives: 2\n'],
  ['rustfs-zones-too-large', 'engine: rustfs\nerasure: 12+4\nzones: {a: 6, b: 5, c: 5}\ndrives: 4\n'],
];

describe('the printed plan', () => {
  it('of the default cluster', async () => {
    await expect(printed(readFileSync('cluster.yaml', 'utf8'))).toMatchFileSnapshot('plans/default.txt');
  });

  it('of the default cluster, with every loss', async () => {
    await expect(printed(readFileSync('cluster.yaml', 'utf8'), true)).toMatchFileSnapshot('plans/default-all.txt');
  });

  it.each(examples)('of examples/%s', async (name) => {
    const file = `plans/${name.replace('.yaml', '.txt')}`;
    await expect(printed(readFileSync(`examples/${name}`, 'utf8'))).toMatchFileSnapshot(file);
  });

  it('of a cluster too large for a row per drive', async () => {
    const text = 'name: large\nerasure: 8+4\nzones: {a: 5, b: 5, c: 5}\ndrives: 12\ncapacity: 18TB\n';
    await expect(printed(text)).toMatchFileSnapshot('plans/large.txt');
  });

  it.each(REFUSED)('of the refused %s', async (name, text) => {
    await expect(printed(text)).toMatchFileSnapshot(`plans/refused-${name}.txt`);
  });

  it('has no line that a terminal of 120 columns would break', () => {
    for (const name of examples) {
      const lines = printed(readFileSync(`examples/${name}`, 'utf8')).split('\n');
      expect(Math.max(...lines.map((line) => line.length)), name).toBeLessThanOrEqual(120);
    }
  });
});
