// Looks at what lies on the drives of a cluster that has come to rest, past all caches and protocols: every replica holds every
// register in the same version, every shard of every object lies whole on its own drive, and nothing else lies anywhere.
import type { Member } from '../../../node/cluster/member.ts';
import type { Topology } from '../../../node/cluster/topology.ts';
import { keeperMajority } from '../../../node/core/keepers.ts';
import { KIND, MAP_KEY, parseObjectKey, type RegisterKey } from '../../../node/core/keys.ts';
import { objectBlobs, partBlobs, readObject, readPart } from '../../../node/core/object-record.ts';
import type { BlobRef } from '../../../node/format/object-formats.ts';
import type { DriveStore, ShardInfo } from '../../../node/storage/drive-store.ts';
import { heldRegisters } from '../held-registers.ts';

const PAGE = 1_000;

interface Held {
  readonly version: string;
  readonly payload: Uint8Array;
}

/** What a register says about blobs. */
interface Ownership {
  readonly blobs: readonly BlobRef[];
  readonly condemned: readonly BlobRef[];
}

/**
 * Sentences about what is not as it should be; empty when all is well. A replica may hold something newer than the others (a
 * proposal that was never decided), but nothing older than what a write quorum holds.
 */
export async function replicaProblems(members: readonly Member[]): Promise<string[]> {
  const topology = newestTopology(members);
  const bySlot = await registersBySlot(members);
  const problems: string[] = [];
  for (const key of keysOf(bySlot)) {
    const { slots, write } = groupOf(topology, key);
    const versions = slots.map((slot) => bySlot.get(slot)?.get(key)?.version ?? '');
    const decided = versions.filter((version) => versions.filter((other) => other === version).length >= write);
    const stale = slots.filter((_, at) => decided[0] !== undefined && versions[at]! < decided[0]);
    for (const slot of stale) problems.push(`${slot} has an old version of ${nameOf(key)}, or none`);
  }
  for (const drive of topology.map.drives) {
    if (drive.state === 'down') problems.push(`drive ${drive.slot} is down in the map`);
  }
  return problems;
}

export interface ShardState {
  /** Redundancy is not whole, so nothing may call the cluster healthy. */
  readonly missing: readonly string[];
  /** There, and not what was written. */
  readonly rotten: readonly string[];
  /** Condemned and not yet deleted. */
  readonly uncollected: readonly string[];
  /** Shards that no register owns or has condemned: what writes left behind that were cut short. */
  readonly orphans: readonly string[];
}

/** What was decided, and whose bodies were whole, at some moment. */
export interface Holdings {
  readonly versions: ReadonlyMap<RegisterKey, string>;
  readonly blobIds: ReadonlySet<string>;
}

/** As the drives have it, without asking anybody: the look changes nothing, and may be taken while clients and faults are at work. */
export async function holdings(members: readonly Member[]): Promise<Holdings> {
  const topology = newestTopology(members);
  const shards = await shardsBySlot(members);
  const decided = decidedOn(topology, await registersBySlot(members));
  const blobs = [...decided].flatMap(([key, { payload }]) => ownershipIn(key, payload).blobs);
  const whole = blobs.filter((blob) => shardsLacking(topology, shards, blob).length === 0);
  return {
    versions: new Map([...decided].map(([key, { version }]) => [key, version])),
    blobIds: new Set(whole.map(({ blobId }) => blobId)),
  };
}

/** Sentences about what was there then, is still owned, and is not in its place now. While there are any, nobody may say "healthy". */
export async function lostSince(members: readonly Member[], before: Holdings): Promise<string[]> {
  const topology = newestTopology(members);
  // First the shards: what is owned afterwards was owned all the time, so nobody may have deleted it.
  const shards = await shardsBySlot(members);
  const bySlot = await registersBySlot(members);
  const problems: string[] = [];
  for (const [key, { payload }] of decidedOn(topology, bySlot)) {
    for (const blob of ownershipIn(key, payload).blobs) {
      if (before.blobIds.has(blob.blobId)) problems.push(...shardsLacking(topology, shards, blob));
    }
    const version = before.versions.get(key);
    // What says nothing but "deleted" may be forgotten, on one replica after the other.
    if (version === undefined || payload.length === 0) continue;
    const stale = groupOf(topology, key).slots.filter((slot) => (bySlot.get(slot)?.get(key)?.version ?? '') < version);
    problems.push(...stale.map((slot) => `${slot} has an old version of ${nameOf(key)}, or none`));
  }
  return problems;
}

/** The same of shards. */
export async function shardProblems(members: readonly Member[]): Promise<ShardState> {
  const topology = newestTopology(members);
  const drives = members.flatMap((member) => member.drives.open());
  const onDrives = await shardsBySlot(members);
  const missing: string[] = [];
  const rotten: string[] = [];
  const uncollected: string[] = [];
  const orphans: string[] = [];
  const owned = new Set<string>();
  /** Also by a proposal that was never decided, and may be yet. */
  const mayBeOwned = new Set<string>();
  for (const blobId of await blobsOnAnyReplica(members)) mayBeOwned.add(blobId);
  for (const [key, { blobs, condemned }] of await decidedOwnerships(members)) {
    if (condemned.length > 0)
      uncollected.push(`${nameOf(key)} has ${condemned.length} condemned blobs that are not collected`);
    for (const blob of blobs) {
      const positions = topology.positions(topology.partitionOf(blob.blobId));
      for (const { position } of blob.displaced)
        missing.push(`${nameOf(key)}: position ${position} is still called displaced`);
      for (let position = 0; position < blob.k + blob.m; position++) {
        const { slot } = positions[position]!;
        owned.add(`${slot} ${shardName(blob.blobId, position)}`);
        const problem = await shardProblem(drives, onDrives, slot, blob.blobId, position);
        if (problem !== null) (problem.isRotten ? rotten : missing).push(`${nameOf(key)}: ${problem.text}`);
      }
    }
  }
  for (const [slot, shards] of onDrives) {
    for (const [name, { blobId }] of shards) {
      if (owned.has(`${slot} ${name}`) || mayBeOwned.has(blobId)) continue;
      orphans.push(`nothing owns shard ${name} on ${slot}`);
    }
  }
  return { missing, rotten, uncollected, orphans };
}

async function shardProblem(
  drives: readonly DriveStore[],
  onDrives: ReadonlyMap<string, ReadonlyMap<string, ShardInfo>>,
  slot: string,
  blobId: string,
  position: number,
): Promise<{ readonly isRotten: boolean; readonly text: string } | null> {
  const shard = `shard ${shardName(blobId, position)}`;
  const info = onDrives.get(slot)?.get(shardName(blobId, position));
  const drive = drives.find(({ identity }) => identity.slot === slot);
  if (drive === undefined || info === undefined) return { isRotten: false, text: `${shard} is not on ${slot}` };
  const read = await drive.readShard({ blobId, position }, 0, info.sizeBytes).catch((error: Error) => error);
  if (read instanceof Error) return { isRotten: true, text: `${shard} on ${slot} cannot be read: ${read.message}` };
  if (read?.length !== info.sizeBytes) return { isRotten: true, text: `${shard} on ${slot} is cut short` };
  return null;
}

/** As the protocol gives them: every register once, from the node that answers for it. */
async function decidedOwnerships(members: readonly Member[]): Promise<Map<RegisterKey, Ownership>> {
  const found = new Map<RegisterKey, Ownership>();
  for (const { running } of members) {
    let from: RegisterKey | null = '';
    while (from !== null) {
      const page: Awaited<ReturnType<typeof running.registers.walkOwned>> = await running.registers.walkOwned(
        from,
        PAGE,
      );
      for (const { key, payload } of page.entries) found.set(key, ownershipIn(key, payload));
      from = page.next;
    }
  }
  return found;
}

async function blobsOnAnyReplica(members: readonly Member[]): Promise<Set<string>> {
  const blobIds = new Set<string>();
  for (const registers of (await registersBySlot(members)).values()) {
    for (const [key, { payload }] of registers) {
      for (const { blobId } of ownershipIn(key, payload).blobs) blobIds.add(blobId);
    }
  }
  return blobIds;
}

function ownershipIn(key: RegisterKey, payload: Uint8Array): Ownership {
  if (key[0] === KIND.object) {
    const record = readObject({ payload });
    return { blobs: objectBlobs(record), condemned: record.condemned };
  }
  const record = key[0] === KIND.part ? readPart({ payload }) : null;
  return record === null ? { blobs: [], condemned: [] } : { blobs: partBlobs(record), condemned: record.condemned };
}

async function registersBySlot(members: readonly Member[]): Promise<Map<string, Map<RegisterKey, Held>>> {
  const bySlot = new Map<string, Map<RegisterKey, Held>>();
  for (const member of members) {
    for (const slot of member.running.replicas.slots()) {
      const registers = await heldRegisters(member, slot, '', '');
      const held = registers.map(({ key, version, value }): [RegisterKey, Held] => [
        key,
        { version: sortableVersion(version), payload: value.payload },
      ]);
      bySlot.set(slot, new Map(held));
    }
  }
  return bySlot;
}

/** By key, the newest version that a write quorum holds. */
function decidedOn(
  topology: Topology,
  bySlot: ReadonlyMap<string, ReadonlyMap<RegisterKey, Held>>,
): Map<RegisterKey, Held> {
  const decided = new Map<RegisterKey, Held>();
  for (const key of keysOf(bySlot)) {
    const { slots, write } = groupOf(topology, key);
    const held = slots.flatMap((slot) => bySlot.get(slot)?.get(key) ?? []);
    const agreed = held.filter(({ version }) => held.filter((other) => other.version === version).length >= write);
    if (agreed[0] !== undefined) decided.set(key, agreed[0]);
  }
  return decided;
}

function shardsLacking(
  topology: Topology,
  shards: ReadonlyMap<string, ReadonlyMap<string, ShardInfo>>,
  { blobId, k, m }: BlobRef,
): string[] {
  return topology
    .positions(topology.partitionOf(blobId))
    .slice(0, k + m)
    .flatMap(({ slot }, position) => {
      const name = shardName(blobId, position);
      return shards.get(slot)?.has(name) ? [] : [`shard ${name} is not on ${slot}`];
    });
}

async function shardsBySlot(members: readonly Member[]): Promise<Map<string, Map<string, ShardInfo>>> {
  const bySlot = new Map<string, Map<string, ShardInfo>>();
  for (const drive of members.flatMap((member) => member.drives.open()))
    bySlot.set(drive.identity.slot, await shardsOf(drive));
  return bySlot;
}

async function shardsOf(drive: DriveStore): Promise<Map<string, ShardInfo>> {
  const found = new Map<string, ShardInfo>();
  let after: ShardInfo | null = null;
  for (;;) {
    const page: ShardInfo[] = await drive.listShards(after, PAGE);
    for (const info of page) found.set(shardName(info.blobId, info.position), info);
    if (page.length < PAGE) return found;
    after = page.at(-1)!;
  }
}

function newestTopology(members: readonly Member[]): Topology {
  return members.map(({ running }) => running.topology.current()).reduce((a, b) => (b.epoch > a.epoch ? b : a));
}

function groupOf(topology: Topology, key: RegisterKey): { slots: readonly string[]; write: number } {
  const { keepers } = topology.map;
  if (key === MAP_KEY) return { slots: keepers, write: keeperMajority(keepers.length) };
  const slots = topology.replicas(topology.partitionOf(key)).map(({ slot }) => slot);
  return { slots, write: topology.quorums.write };
}

function keysOf(bySlot: ReadonlyMap<string, ReadonlyMap<RegisterKey, Held>>): RegisterKey[] {
  return [...new Set([...bySlot.values()].flatMap((registers) => [...registers.keys()]))].sort();
}

/** Text that sorts as versions do. */
function sortableVersion({
  ballot,
  sequence,
}: {
  ballot: { round: number; proposer: string };
  sequence: number;
}): string {
  return `${String(ballot.round).padStart(9, '0')}.${ballot.proposer}.${String(sequence).padStart(9, '0')}`;
}

const shardName = (blobId: string, position: number) => `${blobId}.${position}`;

function nameOf(key: RegisterKey): string {
  if (key[0] === KIND.object && key.length > 9) return `object ${parseObjectKey(key).key}`;
  return `register ${JSON.stringify(key.replace(/[^ -~]/g, '.'))}`;
}
