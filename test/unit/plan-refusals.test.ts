// Plans that break their own promise: the reason, and what is offered instead.
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { makePlan } from '../../plan/make-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import { parseClusterSpec } from '../../spec/cluster-spec.ts';

function plan(text: string): Plan {
  const result = parseClusterSpec(text, 'test');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return makePlan(result.spec);
}

const short = (erasure: string, zones: string, drives: number, more = '') =>
  `erasure: ${erasure}\nzones: {${zones}}\ndrives: ${drives}\n${more}`;

/** The file with the lines of the suggestion in place of those of the same name. */
function pasted(text: string, suggestion: string): string {
  return JSON.stringify({ ...parseYaml(text), ...parseYaml(suggestion) });
}

const UNSAFE: readonly [name: string, text: string, reason: string, changes: readonly string[]][] = [
  [
    '4+2 on four nodes with one drive each cannot hold six shards',
    short('4+2', 'a: 1, b: 1, c: 1, d: 1', 1),
    '4+2 cuts every object into 6 shards, each for a drive of its own, and there are only 4 drives.',
    [
      '2 drives on each node instead of 1',
      '1 more node in each zone',
      '2 more zones, each like zone d',
      'scheme 2+2 instead of 4+2 (any 2 drives may be lost)',
    ],
  ],
  [
    'two zones are never enough to write without one of them',
    short('2+2', 'a: 2, b: 2', 2),
    'Losing any one of the 2 zones stops writes: some partition keeps only 2 of its 4 register replicas, and writing takes 3 (4 shards in 2 zones put 2 into one, and only 1 may be lost).',
    ['2 more zones, each like zone b', 'the same cluster, promising only that any one node can be lost'],
  ],
  [
    'a zone that must hold too much',
    short('4+2', 'a: 3, b: 2, c: 1', 1),
    'Losing zone a stops reads and writes: some partition keeps only 3 of its 6 shards, and reading takes 4.',
    [
      '2 drives on each node instead of 1',
      '1 more node in each zone',
      '1 more zone, each like zone c',
      'scheme 3+2 instead of 4+2 (any 2 drives may be lost)',
      'the same cluster, promising only that any one node can be lost',
    ],
  ],
  [
    'one data shard leaves no replica that a write can do without',
    short('1+2', 'a: 1, b: 1, c: 1', 1),
    'Losing any one of the 3 zones stops writes: some partition keeps only 2 of its 3 register replicas, and writing takes 3.',
    ['scheme 2+1 instead of 1+2 (any 1 drive may be lost)'],
  ],
  [
    'the only zone cannot be lost',
    short('4+2', 'a: 6', 2, 'survive: zone\n'),
    'Losing the only zone stops reads and writes: some partition keeps none of its 6 shards, and reading takes 4.',
    ['2 more zones, each like zone a', 'the same cluster, promising only that any one node can be lost'],
  ],
  [
    'one drive is no cluster',
    short('2+1', 'a: 1', 1),
    '2+1 cuts every object into 3 shards, each for a drive of its own, and there is only one drive.',
    ['3 drives on each node instead of 1', '2 more nodes in each zone', '2 more zones, each like zone a'],
  ],
];

describe.each(UNSAFE)('%s', (_, text, reason, changes) => {
  const { verdict } = plan(text);

  it('is refused with the reason', () => {
    expect(verdict.safe).toBe(false);
    expect(verdict.reasons[0]).toBe(reason);
  });

  it('is answered with the nearest specs that hold', () => {
    expect(verdict.nearest.map(({ change }) => change)).toEqual(changes);
  });

  it('holds once any of the suggestions is pasted into the file', () => {
    for (const { change, yaml } of verdict.nearest) {
      expect(plan(pasted(text, yaml)).verdict.safe, `${change}:\n${yaml}`).toBe(true);
    }
  });
});

describe('suggestions', () => {
  it('are lines of the file, in its own form', () => {
    const [drives, nodes] = plan(short('4+2', 'a: 1, b: 1, c: 1, d: 1', 1)).verdict.nearest;
    expect(drives!.yaml).toBe('drives: 2\n');
    expect(nodes!.yaml).toBe('zones: {a: 2, b: 2, c: 2, d: 2}\n');
  });

  it('for a file that lists its nodes list the new ones, with addresses and directories like the others', () => {
    const text = `
erasure: 2+1
nodes:
  a1: {zone: a, address: 10.0.0.1, drives: [/mnt/disk-1]}
  b1: {zone: b, address: 10.0.0.2, drives: [/mnt/disk-1]}
`;
    const { nearest } = plan(text).verdict;
    expect(nearest.map(({ change, yaml }) => [change, yaml])).toEqual([
      [
        '1 more zone, each like zone b',
        'nodes:\n  a1: {zone: a, address: 10.0.0.1, drives: [/mnt/disk-1]}\n  b1: {zone: b, address: 10.0.0.2, drives: [/mnt/disk-1]}\n  c1: {zone: c, address: c1, drives: [/mnt/disk-1]}\n',
      ],
    ]);
    expect(plan(pasted(text, nearest[0]!.yaml)).verdict.safe).toBe(true);
  });

  it('keep a promise in words that the file left to the default', () => {
    const text = short('4+2', 'a: 1', 5);
    const zones = plan(text).verdict.nearest.find(
      ({ change }) => change.includes('zone,') || change.includes('zones,'),
    );
    expect(zones!.yaml).toContain('survive: drive\n');
    expect(plan(pasted(text, zones!.yaml)).verdict.safe).toBe(true);
  });

  it('combine two changes when one is not enough', () => {
    const { nearest } = plan(short('8+4', 'a: 1, b: 1', 1)).verdict;
    expect(nearest[0]).toEqual({
      change: '1 more zone, and 4 drives on each node instead of 1',
      yaml: 'zones: {a: 1, b: 1, c: 1}\ndrives: 4\n',
    });
    for (const { yaml } of nearest) {
      expect(plan(pasted(short('8+4', 'a: 1, b: 1', 1), yaml)).verdict.safe).toBe(true);
    }
  });
});
