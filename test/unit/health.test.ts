// The judgements over the map and the nodes' reports: the cluster's health, and whether part of it can be spared.
import { describe, expect, it } from 'vitest';
import { Topology } from '../../node/cluster/topology.ts';
import type { ClusterMap } from '../../node/core/cluster-map.ts';
import { judgeHealth, type NodeCondition, objectionsToSparing } from '../../node/core/health.ts';
import { firstMap, type ObjectClusterShape } from '../cluster-fakes/object-cluster.ts';

const SIX_ZONES: ObjectClusterShape = {
  zones: { a: 1, b: 1, c: 1, d: 1, e: 1, f: 1 },
  drivesPerNode: 1,
  scheme: '3+3',
};
const FOUR_ZONES: ObjectClusterShape = { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 2, scheme: '4+2' };

type Conditions = Map<string, NodeCondition | null>;

function allWell(map: ClusterMap): Conditions {
  return new Map(
    map.nodes.map(({ name }) => [
      name,
      {
        epoch: map.epoch,
        lives: Object.fromEntries(map.nodes.map((node) => [node.name, `first of ${node.name}`])),
        ready: true,
        usableSlots: map.drives.filter(({ node }) => node === name).map(({ slot }) => slot),
        pending: 0,
        behind: {},
        comparedSinceMapChange: true,
      },
    ]),
  );
}

const withDown = (map: ClusterMap, nodes: readonly string[]): ClusterMap => ({
  ...map,
  drives: map.drives.map((drive) => (nodes.includes(drive.node) ? { ...drive, state: 'down' } : drive)),
});

function world(shape: ObjectClusterShape, down: readonly string[] = []) {
  const first = firstMap(shape);
  // Five voters, so that not the map's register but the partitions decide in these tests.
  const keepers = first.drives
    .filter(({ slot }) => slot.endsWith('/d1'))
    .slice(0, 5)
    .map(({ slot }) => slot);
  const map = withDown({ ...first, keepers }, down);
  const conditions = allWell(map);
  for (const name of down) conditions.set(name, null);
  return { map, layout: new Topology(map), conditions };
}

function objections(
  { map, layout, conditions }: ReturnType<typeof world>,
  target: readonly string[],
  changes: Record<string, Partial<NodeCondition> | null> = {},
): string[] {
  const changed = new Map(conditions);
  for (const [name, change] of Object.entries(changes))
    changed.set(name, change && { ...conditions.get(name)!, ...change });
  return objectionsToSparing(map, layout, changed, target);
}

describe('a node or zone may be spared', () => {
  it('when all is well and the scheme makes up for it: any node of four zones under 4+2', () => {
    const cluster = world(FOUR_ZONES);
    for (const name of ['a1', 'b1', 'c1', 'd1']) expect(objections(cluster, [name])).toEqual([]);
  });

  it('as long as every partition keeps k shards and a write quorum, whatever else is away already', () => {
    // 3+3 on six drives: 6 registers replicas, 4 to write, 3 shards to read. Two may be away in all.
    expect(objections(world(SIX_ZONES, ['f1']), ['a1'])).toEqual([]);
    expect(objections(world(SIX_ZONES, ['e1', 'f1']), [])).toEqual([]);
    expect(objections(world(SIX_ZONES, ['e1', 'f1']), ['f1'])).toEqual([]);
    expect(objections(world(SIX_ZONES, ['e1', 'f1']), ['a1']).join()).toContain('up-to-date register replicas left');
  });

  it('never when a partition would fall below k shards, and says how many partitions would', () => {
    const cluster = world({ ...SIX_ZONES, scheme: '5+1' });
    expect(objections(cluster, ['a1', 'b1'])).toContain(
      'without a1, b1 64 of 64 partitions could not be read: 4 shards left, 5 are needed',
    );
  });

  it('exactly when a count of every partition by hand says so, for every set of nodes', () => {
    for (const shape of [FOUR_ZONES, SIX_ZONES, { ...FOUR_ZONES, drivesPerNode: 3 }]) {
      const cluster = world(shape);
      const { map, layout } = cluster;
      const names = map.nodes.map(({ name }) => name);
      for (let bits = 0; bits < 2 ** names.length; bits++) {
        const gone = names.filter((_, at) => bits & (1 << at));
        const isLeft = ({ node }: { node: string }) => !gone.includes(node);
        let holds = map.keepers.filter((slot) => isLeft(layout.drive(slot)!)).length > map.keepers.length / 2;
        for (let partition = 0; partition < map.partitionCount; partition++) {
          if (layout.positions(partition).filter(isLeft).length < map.scheme.k) holds = false;
          if (layout.replicas(partition).filter(isLeft).length < layout.quorums.write) holds = false;
        }
        expect({ gone, spared: objections(cluster, gone).length === 0 }).toEqual({ gone, spared: holds });
      }
    }
  });
});

describe('not now', () => {
  it('while the map would lose the majority of its keepers', () => {
    const cluster = world(SIX_ZONES);
    const map = { ...cluster.map, keepers: ['a1/d1', 'b1/d1', 'c1/d1'] };
    expect(objections({ ...cluster, map }, ['a1', 'b1'])).toEqual([
      'without a1, b1 the cluster map has 1 of 3 keepers left and needs 2',
    ]);
  });

  it('while shards wait to be healed, whoever knows of it: the target itself as well, because it forgets', () => {
    const cluster = world(FOUR_ZONES);
    const why = (name: string) => `${name} has 2 objects or parts with shards to heal`;
    expect(objections(cluster, ['a1'], { b1: { pending: 2 } })).toEqual([why('b1')]);
    expect(objections(cluster, ['a1'], { a1: { pending: 2 } })).toEqual([why('a1')]);
  });

  it('while a node that is away may know of trouble that the others have not looked for', () => {
    const cluster = world(SIX_ZONES);
    expect(objections(cluster, ['a1'], { f1: null })).toEqual([
      'node f1 (zone f) does not answer, and the others have not agreed yet that it is down',
    ]);
    const agreed = world(SIX_ZONES, ['f1']);
    expect(objections(agreed, ['a1'], { b1: { comparedSinceMapChange: false } })).toEqual([
      'b1 is still comparing its part with the others',
    ]);
  });

  it('while a node goes by another map than the one that is judged by', () => {
    expect(objections(world(FOUR_ZONES), ['a1'], { c1: { epoch: 7 } })).toEqual([
      'c1 goes by epoch 7 of the cluster map, this node by 1',
    ]);
  });

  it('while drives that stay lack registers that the target has, and only then', () => {
    const cluster = world(SIX_ZONES);
    const behind = (...slots: string[]) => Object.fromEntries(slots.map((slot) => [slot, 3]));
    expect(objections(cluster, ['a1'], { b1: { pending: 3, behind: behind('c1/d1') } })).toEqual([]);
    const two = { pending: 6, behind: behind('c1/d1', 'd1/d1') };
    expect(objections(cluster, ['a1'], { b1: two }).join()).toContain(
      'up-to-date register replicas left, 4 are needed',
    );
    expect(objections(cluster, ['c1'], { b1: two })).toEqual([]);
  });

  it('while a node that was restarted has not caught up, if its registers are needed', () => {
    const cluster = world(SIX_ZONES, ['f1']);
    expect(objections(cluster, ['a1'], { b1: { ready: false } }).join()).toContain(
      '3 up-to-date register replicas left',
    );
  });

  it('while a drive has failed and the map does not say so yet', () => {
    expect(objections(world(FOUR_ZONES), ['a1'], { b1: { usableSlots: ['b1/d1'] } })).toContain(
      'drive b1/d2 is not usable, and the others have not agreed yet that it is down',
    );
  });
});

describe('health', () => {
  it('is healthy only when everything is there and compared', () => {
    const { map, layout, conditions } = world(FOUR_ZONES);
    expect(judgeHealth(map, layout, conditions)).toEqual({ health: 'healthy', reasons: [] });
    const judge = (change: Partial<NodeCondition>) =>
      judgeHealth(map, layout, new Map(conditions).set('b1', { ...conditions.get('b1')!, ...change })).health;
    expect(judge({ pending: 1 })).toBe('healing');
    expect(judge({ comparedSinceMapChange: false })).toBe('healing');
    expect(judge({ ready: false })).toBe('healing');
    // It compared everything, but by a map in which a drive that is up by now was still down.
    expect(judge({ epoch: map.epoch - 1 })).toBe('healing');
    expect(judge({ epoch: map.epoch + 1 })).toBe('healing');
    // What b1 knew is lost with its first process, and the others have not compared again since.
    const { lives } = conditions.get('b1')!;
    expect(judge({ lives: { ...lives, b1: 'second of b1' } })).toBe('healing');
    expect(judge({ lives: { ...lives, c1: '' } })).toBe('healing');
    expect(judge({ usableSlots: ['b1/d1'] })).toBe('degraded');
    expect(judgeHealth(map, layout, new Map(conditions).set('b1', null)).health).toBe('degraded');
  });
});
