// Deletes the shards of blobs that no register owns any more. Not at once: reads that began before the blob was condemned get
// some time to end, and those on this node as long as they need.

import type { BlobRef } from '../format/object-formats.ts';
import { type BlobPorts, shardLocations } from './blob-ports.ts';
import type { ShardHint } from './heal-queue.ts';

const SEEN_MAX = 100_000;

export interface Collected {
  /** Blobs of which nothing is left on any drive that is up. */
  readonly goneIds: readonly string[];
  /** When the next of the others is due; null: there are no others. */
  readonly againAfterMs: number | null;
}

export class CondemnedShards {
  readonly #ports: BlobPorts;
  readonly #held = new Map<string, number>();
  /** By blob id, when this node first saw it condemned. */
  readonly #seenMs = new Map<string, number>();

  constructor(ports: BlobPorts) {
    this.#ports = ports;
  }

  hold(blobId: string): () => void {
    this.#held.set(blobId, (this.#held.get(blobId) ?? 0) + 1);
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      const count = this.#held.get(blobId)! - 1;
      if (count === 0) this.#held.delete(blobId);
      else this.#held.set(blobId, count);
    };
  }

  /** Deletes what is due. Rejects when a drive that is up in the map did not do it, after all others did. */
  async collect(condemned: readonly BlobRef[], strays: readonly ShardHint[]): Promise<Collected> {
    const { clock } = this.#ports;
    const delayMs = this.delayMs(condemned.length);
    const nowMs = clock.monotonicMs();
    const due: BlobRef[] = [];
    let againAfterMs: number | null = null;
    for (const blob of condemned) {
      const seenMs = this.#seenMs.get(blob.blobId) ?? nowMs;
      this.#see(blob.blobId, seenMs);
      const waitMs = this.#held.has(blob.blobId) ? delayMs : seenMs + delayMs - nowMs;
      if (waitMs <= 0) due.push(blob);
      else againAfterMs = Math.min(againAfterMs ?? waitMs, waitMs);
    }
    await this.#delete(due, strays);
    for (const { blobId } of due) this.#seenMs.delete(blobId);
    return { goneIds: due.map(({ blobId }) => blobId), againAfterMs };
  }

  /** Blobs that another node collected are never asked for again, so the oldest are forgotten: they only wait a little longer. */
  #see(blobId: string, seenMs: number): void {
    this.#seenMs.set(blobId, seenMs);
    const [oldest] = this.#seenMs.keys();
    if (this.#seenMs.size > SEEN_MAX && oldest !== undefined) this.#seenMs.delete(oldest);
  }

  delayMs(count: number): number {
    const { condemnedDelayMs, condemnedHurriedMs, condemnedHurriedCount } = this.#ports.limits;
    return count > condemnedHurriedCount ? Math.min(condemnedHurriedMs, condemnedDelayMs) : condemnedDelayMs;
  }

  async #delete(blobs: readonly BlobRef[], strays: readonly ShardHint[]): Promise<void> {
    const topology = this.#ports.topology.current();
    const bySlot = new Map<string, { blobId: string; position: number }[]>();
    const name = (slot: string, blobId: string, position: number) => {
      if (topology.drive(slot)?.state !== 'up') return;
      bySlot.set(slot, [...(bySlot.get(slot) ?? []), { blobId, position }]);
    };
    for (const blob of blobs) {
      shardLocations(topology, blob).forEach((slots, position) => {
        for (const slot of slots) name(slot, blob.blobId, position);
      });
      for (const { slot, blobId, position } of strays) if (blobId === blob.blobId) name(slot, blobId, position);
    }
    const deleted = await Promise.allSettled(
      [...bySlot].map(([slot, names]) => this.#ports.shards.delete(slot, names)),
    );
    const failed = deleted.find((result) => result.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }
}
