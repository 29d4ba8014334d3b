import { describe, expect, it } from 'vitest';
import { BLOCK_MAX_BYTES, INLINE_MAX_BYTES } from '../../node/core/limits.ts';
import { registerQuorums } from '../../node/core/quorum.ts';
import { makePlan } from '../../plan/make-plan.ts';
import { partitionObject, setObject } from '../../plan/object-cost.ts';
import type { Capacity, Plan } from '../../plan/plan.ts';
import { parseClusterSpec } from '../../spec/cluster-spec.ts';

function plan(text: string): Plan {
  const result = parseClusterSpec(text, 'test');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return makePlan(result.spec);
}

const capacity = (text: string): Capacity => plan(text).capacity!;

describe('raw, usable and stranded', () => {
  it('where every drive is in every partition nothing is stranded', () => {
    expect(capacity('erasure: 4+2\nzones: {a: 2, b: 2, c: 2}\ndrives: 1\ncapacity: 6TB\n')).toMatchObject({
      rawBytes: 36e12,
      usableBytes: 24e12,
      strandedBytes: 0,
      fillable: 1,
      strandedByCaps: 0,
    });
  });

  it('are fractions where the spec gives no capacities', () => {
    const { rawBytes, usableBytes, strandedBytes, fillable } = capacity(
      'erasure: 2+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n',
    );
    expect({ rawBytes, usableBytes, strandedBytes, fillable }).toEqual({
      rawBytes: null,
      usableBytes: null,
      strandedBytes: null,
      fillable: 1,
    });
  });

  it('caps on zones of unequal size strand what no placement could use: six shards, two in each zone', () => {
    // Zone c, a sixth of the capacity, takes a third of the data: half of everything can be filled.
    const { fillable, strandedByCaps } = capacity(
      'erasure: 4+2\nzones: {a: 3, b: 2, c: 1}\ndrives: 4\ncapacity: 8TB\n',
    );
    expect(strandedByCaps).toBeCloseTo(0.5, 6);
    expect(fillable).toBeLessThanOrEqual(0.5);
    expect(fillable).toBeGreaterThan(0.45);
  });

  it('a drive larger than its share of every partition strands the rest of it', () => {
    // Each of three drives is in every partition, so all fill at the pace of the smallest.
    const spec = 'erasure: 2+1\nsurvive: drive\nnodes:\n  a1:\n    zone: a\n    drives:\n';
    const drives = [1, 1, 4].map((tb, i) => `      - {path: /d${i}, capacity: ${tb}TB}\n`).join('');
    expect(capacity(spec + drives)).toMatchObject({ rawBytes: 6e12, fillable: 0.5, usableBytes: 2e12 });
    expect(capacity(spec + drives).strandedByCaps).toBeCloseTo(0.5, 6);
  });

  it('the first drive that is full is the one with the most partitions for its size', () => {
    const { layout, capacity: given } = plan('erasure: 4+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n');
    if (layout?.kind !== 'partitions') throw new Error('no partitions');
    const counts = layout.drives.map(({ shardPartitions }) => shardPartitions);
    expect(counts.reduce((sum, count) => sum + count)).toBe(256 * 6);
    expect(given!.fillable).toBeCloseTo((256 * 6) / 8 / Math.max(...counts), 12);
    expect(given!.strandedByCaps).toBe(0);
  });

  it('an erasure set fills as far as its smallest drive', () => {
    const text = 'engine: minio\nerasure: 2+2\nsurvive: drive\nnodes:\n  a1:\n    zone: a\n    drives:\n';
    const drives = [2, 2, 2, 4].map((tb, i) => `      - {path: /d${i}, capacity: ${tb}TB}\n`).join('');
    expect(capacity(text + drives)).toMatchObject({ rawBytes: 10e12, fillable: 0.8, usableBytes: 4e12 });
  });
});

describe('what an object costs', () => {
  const scheme = { k: 4, m: 2 };
  const quorums = registerQuorums(scheme);
  const cost = (bytes: number) => partitionObject(bytes, scheme, quorums);

  it('up to the inline limit it is kept whole by every register replica, beyond in shards', () => {
    expect(cost(INLINE_MAX_BYTES)).toEqual({ copies: 5, storedBytes: 5 * (INLINE_MAX_BYTES + 600) });
    expect(cost(INLINE_MAX_BYTES + 1).copies).toBeNull();
  });

  it('a stripe of large blocks costs (k+m)/k and little more', () => {
    const { storedBytes } = cost(64 * 4 * BLOCK_MAX_BYTES);
    expect(storedBytes / (64 * 4 * BLOCK_MAX_BYTES)).toBeGreaterThan(1.5);
    expect(storedBytes / (64 * 4 * BLOCK_MAX_BYTES)).toBeLessThan(1.505);
  });

  it('never costs less than the code demands, and the more of it the larger it is', () => {
    let before = 0;
    for (let bytes = INLINE_MAX_BYTES + 1; bytes < 4e6; bytes = Math.ceil(bytes * 1.07)) {
      const { storedBytes } = cost(bytes);
      expect(storedBytes).toBeGreaterThan(bytes * 1.5);
      expect(storedBytes).toBeGreaterThanOrEqual(before);
      before = storedBytes;
    }
  });

  it('in an erasure set takes a whole page on every drive at least', () => {
    expect(setObject(4096, 12, 4).storedBytes).toBe(12 * 4096);
    expect(setObject(2 ** 30, 12, 4).storedBytes).toBe(12 * (2 ** 27 + 4096));
  });

  it('is listed for four sizes', () => {
    const { byObjectSize } = capacity('erasure: 4+2\nzones: {a: 2, b: 2, c: 2}\ndrives: 1\ncapacity: 6TB\n');
    expect(byObjectSize.map(({ objectBytes, copies }) => [objectBytes, copies])).toEqual([
      [4096, 5],
      [65_536, null],
      [2 ** 20, null],
      [2 ** 30, null],
    ]);
    for (const { objectBytes, storedBytes, efficiency } of byObjectSize) {
      expect(efficiency).toBe(objectBytes / storedBytes);
    }
    expect(byObjectSize[3]!.usableBytes! / 24e12).toBeGreaterThan(0.999);
  });
});
