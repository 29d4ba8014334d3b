// Brings the shards of a register's blobs to where they belong: rebuilds what is missing or corrupt, moves home what stands in
// elsewhere. Doing it twice, or on two nodes at once, is harmless: shards of one blob and position are all alike.
import type { RegisterKey } from '../core/keys.ts';
import { type MendPlan, type PositionFacts, planMend } from '../core/mend-plan.ts';
import { sealedBlockAt, shardBytes, stripeBlockBytes, stripeCount } from '../core/stripes.ts';
import { openBlock } from '../format/block-seal.ts';
import type { BlobRef } from '../format/object-formats.ts';
import { shardAttributes } from '../format/shard-formats.ts';
import { type BlobPorts, ownSlot, shardLocations } from './blob-ports.ts';
import { rebuildShards } from './blob-rebuild.ts';
import { BlobSource } from './blob-source.ts';
import type { MendHints, ShardHint } from './heal-queue.ts';
import type { Throttle } from './throttle.ts';

const BUDGET_WAIT_MS = 60_000;

export interface OwnedBlobs {
  /** For the attributes of what is written anew. */
  readonly owners: readonly RegisterKey[];
  readonly blobs: readonly BlobRef[];
  /** Whether the register still owns the blob. */
  readonly owns: (blobId: string) => Promise<boolean>;
  /** Takes the note that these positions are displaced out of the register. */
  readonly settle: (blobId: string, positions: number[]) => Promise<void>;
}

export class BlobMender {
  readonly #ports: BlobPorts;
  readonly #throttle: Throttle;
  #healedCount = 0;

  constructor(ports: BlobPorts, throttle: Throttle) {
    this.#ports = ports;
    this.#throttle = throttle;
  }

  /** Shards written to their own drives so far. */
  get healedCount(): number {
    return this.#healedCount;
  }

  /** By blob id, what is known of each position. A drive that does not answer leaves nulls. */
  async inspect(blobs: readonly BlobRef[], hints: MendHints): Promise<Map<string, PositionFacts[]>> {
    const sizes = await this.#storedSizes(blobs);
    const topology = this.#ports.topology.current();
    const facts = new Map<string, PositionFacts[]>();
    for (const blob of blobs) {
      const locations = shardLocations(topology, blob);
      const positions = locations.map(async (slots, position): Promise<PositionFacts> => {
        const own = ownSlot(topology, blob.blobId, position);
        const isHere = (hint: ShardHint) => hint.blobId === blob.blobId && hint.position === position;
        const sizeBytes = own === null ? null : sizes.get(`${own} ${blob.blobId} ${position}`);
        const isSuspect = hints.corrupt.some((hint) => isHere(hint) && hint.slot === own);
        return {
          ownSlot: own,
          isOwnUp: own !== null && topology.drive(own)?.state === 'up',
          isPresent: sizeBytes === undefined ? null : sizeBytes === shardBytes(blob),
          isCorrupt: isSuspect && own !== null && !(await this.#isIntact(own, blob, position)),
          isDisplaced: blob.displaced.some((shard) => shard.position === position),
          elsewhere: [...new Set([...slots, ...hints.strays.filter(isHere).map(({ slot }) => slot)])],
        };
      });
      facts.set(blob.blobId, await Promise.all(positions));
    }
    return facts;
  }

  /** Rejects when something could not be mended now, after it has mended the rest. */
  async mend({ owners, blobs, owns, settle }: OwnedBlobs, hints: MendHints): Promise<void> {
    const facts = await this.inspect(blobs, hints);
    let failure: unknown = null;
    for (const blob of blobs) {
      try {
        const positions = facts.get(blob.blobId)!;
        const plan = planMend(positions);
        await this.#rebuild(blob, plan, positions, owners);
        if (plan.rebuild.length > 0 && !(await owns(blob.blobId))) {
          // It was deleted meanwhile, so perhaps nobody else would clear away what was just written.
          await this.#deleteAll(blob, plan.rebuild);
          continue;
        }
        this.#healedCount += plan.rebuild.length;
        await this.#deleteAll(blob, plan.remove);
        if (plan.settled.length > 0) await settle(blob.blobId, [...plan.settled]);
        if (plan.unknown.length > 0) {
          throw new Error(`shards ${plan.unknown.join(', ')} of blob ${blob.blobId} are on drives that do not answer`);
        }
      } catch (error) {
        failure ??= error;
      }
    }
    if (failure !== null) throw failure;
  }

  async #rebuild(
    blob: BlobRef,
    plan: MendPlan,
    facts: readonly PositionFacts[],
    owners: readonly RegisterKey[],
  ): Promise<void> {
    if (plan.rebuild.length === 0) return;
    const { readBudget, clock } = this.#ports;
    const { k, m, blockBytes } = blob;
    const isWanted = (position: number) => plan.rebuild.some((place) => place.position === position);
    const locations = facts.map(({ ownSlot: own, elsewhere }, position) =>
      isWanted(position) ? elsewhere.filter((slot) => slot !== own) : elsewhere,
    );
    const attributes = shardAttributes.encode({ owners: [...owners], k, m, blockBytes, writtenMs: clock.wallMs() });
    const source = new BlobSource(this.#ports, blob, () => {}, locations);
    const share = await readBudget.take((k + m) * stripeBlockBytes(blob, 0), BUDGET_WAIT_MS);
    try {
      await rebuildShards(this.#ports, source, plan.rebuild, attributes, (bytes) => this.#throttle.take(bytes));
    } finally {
      share.release();
    }
  }

  /** By "slot blobId position": the stored size, null when absent; nothing for drives that are down or do not answer. */
  async #storedSizes(blobs: readonly BlobRef[]): Promise<Map<string, number | null>> {
    const topology = this.#ports.topology.current();
    const bySlot = new Map<string, { blobId: string; position: number }[]>();
    for (const { blobId, k, m } of blobs) {
      for (let position = 0; position < k + m; position++) {
        const slot = ownSlot(topology, blobId, position);
        if (slot === null || topology.drive(slot)?.state !== 'up') continue;
        const names = bySlot.get(slot) ?? [];
        names.push({ blobId, position });
        bySlot.set(slot, names);
      }
    }
    const sizes = new Map<string, number | null>();
    const ask = async (slot: string, names: readonly { blobId: string; position: number }[]) => {
      const stored = await this.#ports.shards.stat(slot, names);
      names.forEach(({ blobId, position }, at) => {
        sizes.set(`${slot} ${blobId} ${position}`, stored[at]!);
      });
    };
    // A drive that does not answer is told by what is missing from the result.
    await Promise.allSettled([...bySlot].map(([slot, names]) => ask(slot, names)));
    return sizes;
  }

  /** Reads the whole shard: what one reader found corrupt may be fine by now. */
  async #isIntact(slot: string, blob: BlobRef, position: number): Promise<boolean> {
    const { blobId } = blob;
    for (let stripe = 0; stripe < stripeCount(blob); stripe++) {
      const range = sealedBlockAt(blob, stripe);
      await this.#throttle.take(range.lengthBytes);
      const sealed = await this.#ports.shards.read(slot, { blobId, position }, range).catch(() => null);
      if (sealed?.length !== range.lengthBytes || openBlock({ blobId, position, stripe }, sealed) === null)
        return false;
    }
    return true;
  }

  /** As far as the drives can be reached: a copy that stays is found again when its drive is searched for strays. */
  async #deleteAll({ blobId }: BlobRef, places: MendPlan['remove']): Promise<void> {
    const { shards } = this.#ports;
    await Promise.allSettled(places.map(({ slot, position }) => shards.delete(slot, [{ blobId, position }])));
  }
}
