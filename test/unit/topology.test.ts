// What a node derives from an epoch of the cluster map when it has derived the same from the one before.
import { describe, expect, it } from 'vitest';
import { Topology } from '../../node/cluster/topology.ts';
import type { ClusterMap } from '../../node/core/cluster-map.ts';
import { firstMap } from '../cluster-fakes/object-cluster.ts';

const FIRST = firstMap({ zones: { a: 2, b: 1, c: 1 }, drivesPerNode: 2, scheme: '2+2' });

/** Everything that a topology says of its partitions. */
function allOf(topology: Topology) {
  return Array.from({ length: topology.map.partitionCount }, (_, partition) => ({
    positions: topology.positions(partition),
    replicas: topology.replicas(partition),
    handOffs: topology.handOffs(partition),
  }));
}

const next = (changes: Partial<ClusterMap>): ClusterMap => ({ ...FIRST, epoch: FIRST.epoch + 1, ...changes });
const [one, ...rest] = FIRST.drives;

describe('a topology made from the one before it is that of its own map', () => {
  it.each<[string, ClusterMap]>([
    ['when a drive is down', next({ drives: [{ ...one!, state: 'down' }, ...rest] })],
    ['when a drive was replaced', next({ drives: [{ ...one!, id: 'f'.repeat(32) }, ...rest] })],
    ['when a drive is larger', next({ drives: [{ ...one!, weight: one!.weight * 3 }, ...rest] })],
    ['when a drive is gone', next({ drives: rest })],
    ['when two drives of a node changed places', next({ drives: [rest[0]!, one!, ...rest.slice(1)] })],
    ['when the drives are in another order', next({ drives: FIRST.drives.toReversed() })],
    [
      'when a node is in another zone',
      next({ nodes: FIRST.nodes.map((node) => ({ ...node, zone: moved(node.name) })) }),
    ],
    ['when the scheme is another', next({ scheme: { k: 3, m: 1 } })],
    ['when there are more partitions', next({ partitionCount: FIRST.partitionCount * 2 })],
  ])('%s', (_, map) => {
    expect(allOf(new Topology(map, new Topology(FIRST)))).toEqual(allOf(new Topology(map)));
  });
});

function moved(name: string): string {
  return name === FIRST.nodes[0]!.name ? 'z' : FIRST.nodes.find((node) => node.name === name)!.zone;
}
