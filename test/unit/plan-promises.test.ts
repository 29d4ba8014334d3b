// What the issue and the README promise of particular clusters, read from their plans.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makePlan } from '../../plan/make-plan.ts';
import type { LossGroup, LossKind, Plan } from '../../plan/plan.ts';
import { parseClusterSpec } from '../../spec/cluster-spec.ts';

function plan(text: string): Plan {
  const result = parseClusterSpec(text, 'test');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return makePlan(result.spec);
}

const fromFile = (file: string) => plan(readFileSync(file, 'utf8'));

function losses(of: Plan, kind: LossKind): LossGroup {
  return of.losses.find((group) => group.kind === kind)!;
}

function survived({ total, readsSurvived, writesSurvived }: LossGroup): string {
  return `${readsSurvived} and ${writesSurvived} of ${total}`;
}

describe('the default cluster: 4+2 on four zones of one node with two drives', () => {
  const byDefault = fromFile('cluster.yaml');

  it('is what the design says it is', () => {
    expect(byDefault.verdict).toEqual({ safe: true, reasons: [], nearest: [] });
    expect(byDefault.nodes.map(({ name, zone }) => `${zone}: ${name}`)).toEqual(['a: a1', 'b: b1', 'c: c1', 'd: d1']);
    expect(byDefault.nodes.flatMap(({ drives }) => drives.map(({ slot }) => slot))).toEqual([
      'a1/d1',
      'a1/d2',
      'b1/d1',
      'b1/d2',
      'c1/d1',
      'c1/d2',
      'd1/d1',
      'd1/d2',
    ]);
    expect(byDefault.partitionCount).toBe(256);
    expect(byDefault.layout).toMatchObject({ caps: { zone: 2, node: 2 }, wantedCap: 2 });
  });

  it('survives any zone, any node and any two drives, for reads and for writes', () => {
    expect(survived(losses(byDefault, 'zone'))).toBe('4 and 4 of 4');
    expect(survived(losses(byDefault, 'node'))).toBe('4 and 4 of 4');
    expect(survived(losses(byDefault, 'drive'))).toBe('8 and 8 of 8');
    expect(survived(losses(byDefault, 'pair'))).toBe('28 and 28 of 28');
    expect(byDefault.anyDrives).toEqual({ count: 2, reads: true, enumerated: 28 });
  });

  it('has nothing to spare while a zone is lost, and says so', () => {
    expect(losses(byDefault, 'zone').worst).toMatchObject({ shardsToSpare: 0, replicasToSpare: 0, keepersToSpare: 0 });
    expect(survived(losses(byDefault, 'drive+zone'))).toBe('0 and 0 of 24');
    expect(losses(byDefault, 'drive+zone').worst).toMatchObject({ shardsToSpare: -1 });
  });
});

describe('4+2 on six nodes in three zones', () => {
  const six = fromFile('examples/three-zones.yaml');

  it('survives any zone and any two drives, for reads and for writes', () => {
    expect(six.verdict.safe).toBe(true);
    expect(survived(losses(six, 'zone'))).toBe('3 and 3 of 3');
    expect(survived(losses(six, 'pair'))).toBe('15 and 15 of 15');
  });
});

describe('2+2 on four nodes in four zones', () => {
  const four = fromFile('examples/four-nodes.yaml');

  it('survives any zone, and any two drives for reads', () => {
    expect(four.verdict.safe).toBe(true);
    expect(survived(losses(four, 'zone'))).toBe('4 and 4 of 4');
    expect(survived(losses(four, 'pair'))).toBe('6 and 0 of 6');
    expect(losses(four, 'pair').worst).toMatchObject({
      reads: true,
      writes: false,
      shardsToSpare: 0,
      replicasToSpare: -1,
    });
  });
});

describe('one parity shard', () => {
  it('is safe although two drives are one too many: the plan shows that', () => {
    const one = plan('erasure: 2+1\nzones: {a: 1, b: 1, c: 1}\ndrives: 1\n');
    expect(one.verdict.safe).toBe(true);
    expect(survived(losses(one, 'zone'))).toBe('3 and 3 of 3');
    expect(survived(losses(one, 'pair'))).toBe('0 and 0 of 3');
    expect(one.anyDrives).toEqual({ count: 1, reads: true, enumerated: 3 });
  });
});

describe('every example is safe', () => {
  it.each(readdirSync('examples').filter((name) => name.endsWith('.yaml')))('%s', (name) => {
    expect(fromFile(`examples/${name}`).verdict).toEqual({ safe: true, reasons: [], nearest: [] });
  });
});

describe('what the targets build from', () => {
  it('has addresses, paths, weights and log directories as the spec gives them', () => {
    const { nodes, endpoint, region, domains } = fromFile('examples/bare-metal.yaml');
    expect(nodes.at(-1)).toEqual({
      name: 'c2',
      zone: 'c',
      host: '10.0.3.12',
      port: 9000,
      wal: '/mnt/nvme/wal',
      drives: [
        { name: 'd1', slot: 'c2/d1', path: '/mnt/d1', weight: 14901, capacityBytes: 16e12 },
        { name: 'd2', slot: 'c2/d2', path: '/mnt/d2', weight: 14901, capacityBytes: 16e12 },
      ],
    });
    expect({ endpoint, region, domains }).toEqual({
      endpoint: { host: 's3.archive.example', port: 9000 },
      region: 'eu-central-1',
      domains: ['s3.archive.example'],
    });
  });

  it('is the same for the same spec, and plain JSON', () => {
    const one = fromFile('examples/bare-metal.yaml');
    expect(JSON.parse(JSON.stringify(one))).toEqual(one);
    expect(fromFile('examples/bare-metal.yaml')).toEqual(one);
  });
});
