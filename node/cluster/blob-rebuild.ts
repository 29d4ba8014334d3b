// Makes shards of a blob anew from k others, or copies them from where they stood in, and writes them to their drives.
import { SEAL_BYTES, stripeBlockBytes, stripeCount } from '../core/stripes.ts';
import { sealBlock } from '../format/block-seal.ts';
import type { BlobPorts } from './blob-ports.ts';
import type { BlobSource } from './blob-source.ts';

export interface RebuildTarget {
  readonly position: number;
  readonly slot: string;
}

/**
 * Durable and visible when resolved; nothing stays behind when it rejects (BlobLostError, RpcError). onStripe is awaited before
 * each stripe, with the bytes that it reads and writes: for throttling.
 */
export async function rebuildShards(
  ports: Pick<BlobPorts, 'shards'>,
  source: BlobSource,
  targets: readonly RebuildTarget[],
  attributes: Uint8Array,
  onStripe: (bytes: number) => Promise<void> = async () => {},
): Promise<void> {
  const { blob } = source;
  const { blobId, k } = blob;
  const positions = targets.map(({ position }) => position);
  const abort = new AbortController();
  const sealedBlocks = async (stripe: number): Promise<Buffer[]> => {
    await onStripe(stripeBlockBytes(blob, stripe) * (k + targets.length));
    const blocks = await source.fetch(stripe, positions, abort.signal);
    return positions.map((position) => seal({ blobId, position, stripe }, blocks.get(position)!));
  };
  if (stripeCount(blob) === 1) {
    const sealed = await sealedBlocks(0);
    const puts = targets.map(({ slot, position }, at) =>
      ports.shards.put(slot, { blobId, position }, attributes, sealed[at]!),
    );
    await allOrError(puts);
    return;
  }
  const sessions = await beginAll(ports, blobId, targets, attributes);
  try {
    for (let stripe = 0; stripe < stripeCount(blob); stripe++) {
      const sealed = await sealedBlocks(stripe);
      await allOrError(sessions.map((session, at) => session.append(stripe, sealed[at]!)));
    }
    await allOrError(sessions.map((session) => session.commit()));
  } catch (error) {
    await Promise.allSettled(sessions.map((session) => session.abort()));
    throw error;
  }
}

async function beginAll(
  { shards }: Pick<BlobPorts, 'shards'>,
  blobId: string,
  targets: readonly RebuildTarget[],
  attributes: Uint8Array,
) {
  const begun = await Promise.allSettled(
    targets.map(({ slot, position }) => shards.begin(slot, { blobId, position }, attributes)),
  );
  const sessions = begun.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const failed = begun.find((result) => result.status === 'rejected');
  if (failed === undefined) return sessions;
  await Promise.allSettled(sessions.map((session) => session.abort()));
  throw failed.reason;
}

/** Waits for all, so that nothing is still under way when it throws the first error. */
async function allOrError(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

function seal(name: Parameters<typeof sealBlock>[0], block: Uint8Array): Buffer {
  const sealed = Buffer.allocUnsafeSlow(block.length + SEAL_BYTES);
  sealed.set(block);
  sealBlock(name, sealed);
  return sealed;
}
