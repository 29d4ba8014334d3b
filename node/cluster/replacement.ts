// Puts a blank drive in the place of a lost one, when somebody asks for it by name. The new drive gets a new id and votes only
// when it holds every promise and every decided register that the lost one may have held; until then the others go on alone.
import { compareBallots, ZERO_BALLOT } from '../core/ballot.ts';
import type { Random } from '../io/random.ts';
import type { DriveIdentity } from '../storage/drive-store.ts';
import { gather } from './gather.ts';
import { type Groups, MAP_PARTITION } from './groups.ts';
import type { LocalDrives } from './local-drives.ts';
import type { MapKeeper } from './map-keeper.ts';
import { REGISTER_METHODS } from './register-methods.ts';
import type { Replicas } from './register-service.ts';
import { UnavailableError } from './registers.ts';
import { type Rpc, RpcError } from './rpc.ts';
import type { TopologySource } from './topology.ts';

export interface ReplacementOptions {
  readonly rpc: Rpc;
  readonly random: Random;
  readonly topology: TopologySource;
  readonly groups: Groups;
  readonly drives: LocalDrives;
  readonly mapKeeper: MapKeeper;
  readonly replicas: Replicas;
  /** The cluster's, as it is now. Rejects with UnavailableError. */
  readonly generation: () => Promise<number>;
}

/**
 * Formats the blank drive of this node in that slot and enters it in the map. Rejects with RpcError 'refused' when the drive is
 * not blank (nothing is changed then), with UnavailableError without a quorum, and when the disk fails; it may be asked for
 * again then, and goes on with the same drive id.
 */
export async function replaceDrive(options: ReplacementOptions, slot: string): Promise<void> {
  const { drives, topology, mapKeeper, random } = options;
  const drive = drives.get(slot);
  if (drive?.kind !== 'blank') {
    throw new RpcError(
      'refused',
      `drive ${slot} is ${drive?.kind ?? 'not on this node'}: only a blank drive can take the place of a lost one`,
    );
  }
  const driveId = drive.driveId ?? random.bytes(16).toString('hex');
  // First the map: from then on the lost drive's id counts for nothing, wherever that drive may turn up again.
  await mapKeeper.change(({ drives: entries }) =>
    entries.some((entry) => entry.slot === slot && entry.id === driveId)
      ? null
      : entries.map((entry) => (entry.slot === slot ? { ...entry, id: driveId, state: 'down' } : entry)),
  );
  const { map } = topology.current();
  const identity: DriveIdentity = { clusterId: map.clusterId, driveId, slot };
  await drives.format(slot, identity, map, 'joining');
}

/**
 * Takes over the promises that the lost drive may have given. Enough others are asked that every take-over quorum that counted
 * on the lost drive has a member among them. The values follow by a comparison, after which the drive may vote.
 */
export async function takePromises(options: ReplacementOptions, slot: string): Promise<void> {
  const { topology, groups } = options;
  const { map } = topology.current();
  // What the lost drive had forgotten must not be brought to this one by a message that is still on its way.
  await options.replicas.joining(slot).raiseGeneration(await options.generation());
  const partitions = Array.from({ length: map.partitionCount }, (_, partition) => partition);
  for (const partition of [...partitions, MAP_PARTITION]) {
    const group = groups.group(partition);
    if (!group.replicas.some((replica) => replica.slot === slot)) continue;
    const others = group.replicas.filter((replica) => replica.slot !== slot);
    const needed = Math.min(others.length, Math.max(group.quorums.write, group.quorums.takeOver));
    const questions = others.map(async (replica) => {
      // The lowest ballot there is: always refused, and the refusal names the promise.
      const request = { slot: replica.slot, partition, ballot: ZERO_BALLOT };
      return (await options.rpc.call(replica.node, REGISTER_METHODS.prepare, request)).promised;
    });
    const { answers, answered } = await gather(questions, (all) => all.answered >= needed);
    if (answered < needed) throw new UnavailableError(`partition ${partition}: ${answered} of ${needed} promises`);
    let highest = ZERO_BALLOT;
    for (const promised of answers)
      if (promised !== undefined && compareBallots(promised, highest) > 0) highest = promised;
    await options.replicas.joining(slot).prepare(partition, highest);
  }
}
