// The set-layout rules of RustFS and MinIO, with the worked cases of the design and the rules one by one.
import { describe, expect, it } from 'vitest';
import { makePlan } from '../../plan/make-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import { defaultParity, layoutPools, setQuorums, symmetricSizes } from '../../plan/set-layout.ts';
import { parseClusterSpec } from '../../spec/cluster-spec.ts';

const sizes = (volumes: readonly string[]) =>
  layoutPools(volumes, { engine: 'rustfs', setSize: null }).map((pool) => pool.setSize);

function plan(text: string): Plan {
  const result = parseClusterSpec(text, 'test');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return makePlan(result.spec);
}

/** Nodes host1 … hostN in zones that zoneOf gives, as lines of a spec. */
function hosts(count: number, drives: number, zoneOf: (host: number) => string): string {
  const lines = Array.from(
    { length: count },
    (_, i) => `  host${i + 1}: {zone: ${zoneOf(i + 1)}, drives: ${drives}}\n`,
  );
  return `nodes:\n${lines.join('')}`;
}

describe('the worked cases of the design, EC:4 in three zones', () => {
  const abc = 'abc';

  it('zone{1...3}-node{1...4}/d{1...4}: sets of 12, four drives of each in a zone, survives', () => {
    const nodes = [1, 2, 3].flatMap((z) => [1, 2, 3, 4].map((n) => `  zone${z}-node${n}: {zone: z${z}, drives: 4}\n`));
    const { layout, verdict } = plan(
      `engine: minio\nerasure: 8+4\nvolumes: ["http://zone{1...3}-node{1...4}/d{1...4}"]\nnodes:\n${nodes.join('')}`,
    );
    expect(layout).toMatchObject({
      environment: {},
      pools: [{ setSize: 12, parity: 4, worstZoneShare: 4, worstNodeShare: 1 }],
    });
    expect(verdict.safe).toBe(true);
  });

  it('host{1...24}/d{1...2} numbered zone by zone: sets of 12, eight drives in a zone, does not survive', () => {
    const { layout, verdict } = plan(
      `engine: rustfs\nerasure: 8+4\nvolumes: ["http://host{1...24}/d{1...2}"]\n${hosts(24, 2, (host) => abc[Math.floor((host - 1) / 8)]!)}`,
    );
    expect(layout).toMatchObject({ pools: [{ setSize: 12, worstZoneShare: 8 }] });
    expect(verdict.safe).toBe(false);
    expect(verdict.reasons).toEqual([
      'Losing zone a or c stops reads and writes: some erasure set keeps only 4 of its 12 shards, and reading takes 8.',
    ]);
    const [order] = verdict.nearest;
    expect(order!.change).toBe('another order of the drives (only for a cluster that is yet to be founded)');
    expect(order!.yaml).toMatch(/^volumes: \["?http:\/\/host1:9000\/data\/d1"?, "?http:\/\/host9:9000\/data\/d1"?, /);
  });

  it('the same with zones interleaved: survives', () => {
    const { layout, verdict } = plan(
      `engine: rustfs\nerasure: 8+4\nvolumes: ["http://host{1...24}/d{1...2}"]\n${hosts(24, 2, (host) => abc[(host - 1) % 3]!)}`,
    );
    expect(layout).toMatchObject({ pools: [{ setSize: 12, worstZoneShare: 4 }] });
    expect(verdict.safe).toBe(true);
  });

  it('host{1...16}/d{1...4}: sets of 16, six drives in a zone, does not survive', () => {
    const { layout, verdict } = plan(
      `engine: minio\nerasure: 12+4\nvolumes: ["http://host{1...16}/d{1...4}"]\n${hosts(16, 4, (host) => abc[(host - 1) % 3]!)}`,
    );
    expect(layout).toMatchObject({ pools: [{ setSize: 16, worstZoneShare: 6 }] });
    expect(verdict.safe).toBe(false);
    expect(verdict.reasons[0]).toMatch(
      /^Losing any one of the 3 zones stops reads and writes: .*keeps only 10 of its 16/,
    );
  });
});

describe('set sizes', () => {
  it.each([
    ['http://zone{1...3}-node{1...4}/d{1...4}', 12],
    ['http://host{1...24}/d{1...2}', 12],
    ['http://host{1...16}/d{1...4}', 16],
    ['/data/d{1...4}', 4],
    ['http://h{1...5}/d{1...4}', 10],
    // Only the first ellipsis decides: five hosts first, or four drives first.
    ['http://h{1...4}/d{1...5}', 4],
    ['http://h{1...7}/d{1...1}', 7],
    ['http://h{01...12}/d{1...8}', 12],
  ])('%s: %d', (volume, setSize) => {
    expect(sizes([volume])).toEqual([setSize]);
  });

  it('are those that divide the drives and the first range evenly', () => {
    expect(symmetricSizes(48, 3)).toEqual([3, 6, 12]);
    expect(symmetricSizes(48, 24)).toEqual([2, 3, 4, 6, 8, 12]);
    expect(symmetricSizes(48, null)).toEqual([2, 3, 4, 6, 8, 12, 16]);
  });

  it('of a plain list, which is one pool, are only bound by division', () => {
    const list = Array.from({ length: 18 }, (_, i) => `http://h${i}/d`);
    expect(sizes(list)).toEqual([9]);
  });

  it('are chosen for each pool on its own', () => {
    expect(sizes(['http://a{1...4}/d{1...4}', 'http://b{1...6}/d{1...2}'])).toEqual([16, 12]);
  });

  it('may be set: minio takes any that divides, rustfs only a symmetric one', () => {
    const volume = ['http://h{1...3}/d{1...4}'];
    expect(layoutPools(volume, { engine: 'minio', setSize: 4 })[0]!.sets).toHaveLength(3);
    expect(() => layoutPools(volume, { engine: 'rustfs', setSize: 4 })).toThrow(
      '12 drives cannot be cut into sets of 4; rustfs allows sets of 3, 6, 12',
    );
  });
});

describe('expansion', () => {
  it('varies the first ellipsis fastest, and cuts sets one after the other', () => {
    expect(layoutPools(['http://z{1...2}-n{1...2}/d{1...2}'], { engine: 'minio', setSize: 4 })[0]!.sets).toEqual([
      ['http://z1-n1/d1', 'http://z2-n1/d1', 'http://z1-n2/d1', 'http://z2-n2/d1'],
      ['http://z1-n1/d2', 'http://z2-n1/d2', 'http://z1-n2/d2', 'http://z2-n2/d2'],
    ]);
  });

  it('pads numbers as the range does', () => {
    expect(layoutPools(['/d{08...11}'], { engine: 'minio', setSize: null })[0]!.sets[0]).toEqual([
      '/d08',
      '/d09',
      '/d10',
      '/d11',
    ]);
  });

  it.each([
    [['/d{1...4}', '/e'], '"/e" has no ellipsis {a...b} and other arguments have one'],
    [['/d{4...1}'], '{4...1} in "/d{4...1}" goes backwards; write {1...4}'],
    [['/d{1..4}'], '{1..4} in "/d{1..4}" is not an ellipsis; write {1...4}'],
    [['/d{1...4'], 'has braces that do not match'],
    [['/d{1...17}'], '17 drives cannot be cut into equal sets of 2 to 16 drives'],
    [['/d{1...4}', '/d{3...6}'], '"/d3" is in the arguments twice'],
  ])('%j is refused', (volumes, message) => {
    expect(() => layoutPools(volumes, { engine: 'minio', setSize: null })).toThrow(message);
  });
});

describe('parity and quorums', () => {
  it('by set size', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 16].map(defaultParity)).toEqual([0, 1, 1, 2, 2, 3, 3, 4, 4]);
  });

  it('writing takes one more than reading where half of a set is parity', () => {
    expect(setQuorums(12, 4)).toEqual({ read: 8, write: 8 });
    expect(setQuorums(8, 4)).toEqual({ read: 4, write: 5 });
  });
});

describe('a plan for these engines', () => {
  it('orders a plain list so that sets spread over zones and nodes, and fixes width and parity by settings', () => {
    const { layout, verdict } = plan('engine: minio\nerasure: 4+2\nzones: {a: 2, b: 2, c: 2}\ndrives: 2\n');
    expect(verdict.safe).toBe(true);
    expect(layout).toMatchObject({
      volumes: [
        ...['a1', 'b1', 'c1', 'a2', 'b2', 'c2'].map((node) => `http://${node}:9000/data/d1`),
        ...['a1', 'b1', 'c1', 'a2', 'b2', 'c2'].map((node) => `http://${node}:9000/data/d2`),
      ],
      environment: { MINIO_ERASURE_SET_DRIVE_COUNT: '6', MINIO_STORAGE_CLASS_STANDARD: 'EC:2' },
      pools: [
        { worstZoneShare: 2, worstNodeShare: 1, sets: [['a1/d1', 'b1/d1', 'c1/d1', 'a2/d1', 'b2/d1', 'c2/d1'], {}] },
      ],
    });
  });

  it('leaves a setting out that the server would choose by itself', () => {
    const { layout } = plan('engine: rustfs\nerasure: 8+4\nzones: {a: 4, b: 4, c: 4}\ndrives: 1\n');
    expect(layout).toMatchObject({ environment: {}, pools: [{ setSize: 12, parity: 4 }] });
  });

  it.each([
    [
      'a width that does not divide the drives',
      'erasure: 4+3\nzones: {a: 4, b: 4, c: 4}\ndrives: 1\n',
      '12 drives cannot be cut into sets of 7; minio allows sets of 2, 3, 4, 6, 12.',
    ],
    [
      'a width beyond 16',
      'erasure: 14+4\nzones: {a: 9, b: 9}\ndrives: 1\n',
      'minio has at most 16 drives in an erasure set.',
    ],
    [
      'more parity than data',
      'erasure: 2+4\nzones: {a: 6}\ndrives: 1\n',
      "minio allows at most half of a set's drives as parity.",
    ],
    [
      'a volume that the spec does not have',
      'erasure: 2+2\nvolumes: ["http://a{1...4}/data/d1"]\nzones: {a: 3, b: 1}\ndrives: 1\n',
      'The volume arguments name http://a4/data/d1, and no node of the spec has such a drive.',
    ],
    [
      'a drive that no volume has',
      'erasure: 2+2\nvolumes: ["http://a{1...4}/data/d1"]\nzones: {a: 5}\ndrives: 1\n',
      'The volume arguments do not name drive a5/d1.',
    ],
  ])('refuses %s', (_, text, reason) => {
    const { verdict, layout } = plan(`engine: minio\n${text}`);
    expect(verdict).toMatchObject({ safe: false, reasons: [reason] });
    expect(layout).toBeNull();
  });

  it('knows that with half of a set as parity one zone of two is too much', () => {
    const { verdict } = plan('engine: minio\nerasure: 4+4\nzones: {a: 4, b: 4}\ndrives: 1\n');
    expect(verdict.reasons).toEqual([
      'Losing any one of the 2 zones stops writes: some erasure set keeps only 4 of its 8 drives, and writing takes 5 (8 shards in 2 zones put 4 into one, and only 3 may be lost).',
    ]);
  });
});
