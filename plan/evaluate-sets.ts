// Engines rustfs and minio: which drives of the spec form an erasure set under their rules, and what a set needs to read and
// to write. One set that cannot be read stops its whole pool, so the worst set speaks for the cluster.
import type { ClusterSpec, SpecDrive, SpecNode } from '../spec/cluster-spec.ts';
import { setCapacity } from './capacity.ts';
import { type ClusterDrive, clusterDrives } from './cluster-drives.ts';
import { type Evaluation, impossible } from './evaluation.ts';
import { GroupCounts } from './group-counts.ts';
import { type Assessment, assessAnyDrives, enumerateLosses } from './losses.ts';
import type { PlanNode, Remainder, SetLayout, SetPool } from './plan.ts';
import { defaultParity, layoutPools, type PoolSets, SetLayoutError, setQuorums } from './set-layout.ts';
import { tooFewDrives, verdictOf } from './verdict.ts';

/** What both servers listen on unless told otherwise. */
const DEFAULT_PORT = 9000;
const SET_SIZE_MAX = 16;

export function evaluateSets(spec: ClusterSpec, nodes: readonly PlanNode[]): Evaluation {
  const drives = clusterDrives(nodes);
  const { k, m } = spec.erasure;
  const setSize = k + m;
  if (drives.length < setSize) return impossible(tooFewDrives(spec, drives.length));
  if (setSize > SET_SIZE_MAX) return impossible(`${spec.engine} has at most ${SET_SIZE_MAX} drives in an erasure set.`);
  if (m > setSize / 2) return impossible(`${spec.engine} allows at most half of a set's drives as parity.`);
  let pools: PoolSets[];
  let volumes: readonly string[];
  try {
    volumes = spec.volumes ?? interleavedEndpoints(nodes);
    pools = layoutPools(volumes, { engine: spec.engine === 'minio' ? 'minio' : 'rustfs', setSize });
  } catch (error) {
    if (error instanceof SetLayoutError) return impossible(`${error.message}.`);
    throw error;
  }
  const endpoints = pools.flatMap(({ sets }) => sets.flat());
  const slots = slotsOf(endpoints, nodes);
  if (typeof slots === 'string') return impossible(slots);
  const layout = describe(spec, volumes, pools, slots, drives);
  return assessSets(spec, drives, layout);
}

function assessSets(spec: ClusterSpec, drives: readonly ClusterDrive[], layout: SetLayout): Evaluation {
  const { k, m } = spec.erasure;
  const { write } = setQuorums(k + m, m);
  const indexOf = new Map(drives.map(({ slot }, index) => [slot, index]));
  const sets = layout.pools.flatMap((pool) => pool.sets.map((set) => set.map((slot) => indexOf.get(slot)!)));
  const counts = new GroupCounts(sets, drives.length);
  const leftWithout = (mostLost: number): Remainder => {
    const shardsToSpare = m - mostLost;
    const replicasToSpare = k + m - mostLost - write;
    const reads = shardsToSpare >= 0;
    return { reads, writes: replicasToSpare >= 0, shardsToSpare, replicasToSpare, keepersToSpare: null };
  };
  const assessment: Assessment = {
    after: (lost) => leftWithout(counts.mostLost(lost)),
    afterOneMoreThan: (lost) => {
      const mostLost = counts.mostLostWithOneMore(lost);
      return (oneMore) => leftWithout(mostLost[oneMore]!);
    },
  };
  const losses = enumerateLosses(drives, assessment);
  const anyDrives = assessAnyDrives(drives.length, m, assessment, true);
  return {
    partitionCount: 0,
    keepers: [],
    layout,
    losses,
    anyDrives,
    capacity: setCapacity(drives, layout.pools),
    verdict: verdictOf(spec, losses, anyDrives, {
      whole: 'erasure set',
      groupSize: k + m,
      readQuorum: k,
      replicas: k + m,
      writeQuorum: write,
      keepers: 0,
    }),
  };
}

/**
 * A plain list, because no ellipsis can say "a1, b1, c1". Zones alternate fastest, then nodes, then drives, so that
 * consecutive drives, which is what sets are cut from, lie in as many zones and on as many nodes as there are.
 */
export function interleavedEndpoints(nodes: readonly SpecNode[]): string[] {
  const zones = [...Map.groupBy(nodes, (node) => node.zone).values()];
  const nodesMax = Math.max(...zones.map((inZone) => inZone.length));
  const drivesMax = Math.max(...nodes.map((node) => node.drives.length));
  const endpoints: string[] = [];
  for (let drive = 0; drive < drivesMax; drive++) {
    for (let place = 0; place < nodesMax; place++) {
      for (const inZone of zones) {
        const node = inZone[place];
        const found = node?.drives[drive];
        if (node !== undefined && found !== undefined) endpoints.push(endpointOf(node, found));
      }
    }
  }
  return endpoints;
}

function endpointOf(node: SpecNode, drive: SpecDrive): string {
  return `http://${node.host ?? node.name}:${node.port ?? DEFAULT_PORT}${drive.path ?? `/data/${drive.name}`}`;
}

/** The slot of every endpoint; a sentence when endpoints and the drives of the spec are not the same. */
function slotsOf(endpoints: readonly string[], nodes: readonly PlanNode[]): Map<string, string> | string {
  const slots = new Map<string, string>();
  const missing = new Set(nodes.flatMap((node) => node.drives.map(({ slot }) => slot)));
  for (const endpoint of endpoints) {
    const slot = slotOf(endpoint, nodes);
    if (slot === null) return `The volume arguments name ${endpoint}, and no node of the spec has such a drive.`;
    if (!missing.delete(slot)) return `The volume arguments name drive ${slot} twice.`;
    slots.set(endpoint, slot);
  }
  const [forgotten] = missing;
  if (forgotten !== undefined) return `The volume arguments do not name drive ${forgotten}.`;
  return slots;
}

/** By name or address of the node, and by path of the drive or, where the spec has none, by its last component. */
function slotOf(endpoint: string, nodes: readonly PlanNode[]): string | null {
  const match = /^(?:https?:\/\/)?([^/:]+|\[[^\]]+\])(?::([0-9]+))?(\/.*)$/.exec(endpoint);
  if (match === null) return null;
  const [, host, port, path] = match as unknown as [string, string, string | undefined, string];
  const onHost = nodes.filter((node) => host === node.name || host === node.host);
  const node = onHost.find((candidate) => Number(port ?? DEFAULT_PORT) === (candidate.port ?? DEFAULT_PORT));
  const name = path.slice(path.lastIndexOf('/') + 1);
  const drive = node?.drives.find((candidate) =>
    candidate.path === null ? candidate.name === name : candidate.path === path,
  );
  return drive?.slot ?? null;
}

function describe(
  spec: ClusterSpec,
  volumes: readonly string[],
  pools: readonly PoolSets[],
  slots: ReadonlyMap<string, string>,
  drives: readonly ClusterDrive[],
): SetLayout {
  const { k, m } = spec.erasure;
  const prefix = spec.engine === 'minio' ? 'MINIO' : 'RUSTFS';
  const driveOf = new Map(drives.map((drive) => [drive.slot, drive]));
  const quorums = setQuorums(k + m, m);
  // The width is fixed by a setting unless the server would choose it anyway.
  const unset = layoutPools(volumes, { engine: spec.engine === 'minio' ? 'minio' : 'rustfs', setSize: null });
  const chosenByServer = unset.every(({ setSize }) => setSize === k + m);
  return {
    kind: 'sets',
    volumes,
    environment: {
      ...(chosenByServer ? {} : { [`${prefix}_ERASURE_SET_DRIVE_COUNT`]: String(k + m) }),
      ...(defaultParity(k + m) === m ? {} : { [`${prefix}_STORAGE_CLASS_STANDARD`]: `EC:${m}` }),
    },
    pools: pools.map(({ setSize, sets }): SetPool => {
      const bySlot = sets.map((set) => set.map((endpoint) => slots.get(endpoint)!));
      const worst = (domain: 'zone' | 'node') =>
        Math.max(
          ...bySlot.flatMap((set) =>
            [...Map.groupBy(set, (slot) => driveOf.get(slot)![domain]).values()].map((group) => group.length),
          ),
        );
      return {
        setSize,
        parity: m,
        readQuorum: quorums.read,
        writeQuorum: quorums.write,
        sets: bySlot,
        worstZoneShare: worst('zone'),
        worstNodeShare: worst('node'),
      };
    }),
  };
}
