// The bytes of an object from the shards that are left: every block verified, missing ones rebuilt, stripe by stripe, from
// whichever drives have them; and the whole held against the digests that were taken when it was written.
import { createHash } from 'node:crypto';
import { rememberErasures } from '../cluster/blob-ports.ts';
import { sealedBlockAt, stripeCount, stripeDataBytes } from '../core/stripes.ts';
import { createErasure, type Erasure } from '../erasure/erasure.ts';
import { openBlock } from '../format/block-seal.ts';
import type { BlobRef, Content, ObjectVersion } from '../format/object-formats.ts';
import { DiskError } from '../io/disk.ts';
import { multipartEtag } from '../s3/body/multipart-digest.ts';
import type { BareDrive } from '../storage/bare-drive.ts';
import { CorruptionError } from '../storage/drive-store.ts';

/** It cannot be had from these drives; the message says what is missing. */
export class LostError extends Error {
  override readonly name = 'LostError';
}

export class Reassembly {
  readonly #drives: readonly BareDrive[];
  readonly #erasure: (k: number, m: number) => Erasure = rememberErasures(createErasure);

  constructor(drives: readonly BareDrive[]) {
    this.#drives = drives;
  }

  /** All bytes in order. Rejects with LostError: when shards are missing, and, at the end, when a digest does not fit. */
  async *bytes(version: ObjectVersion): AsyncGenerator<Uint8Array> {
    let sizeBytes = 0;
    const digests: string[] = [];
    for (const { content, etag } of contentsOf(version)) {
      const digest = createHash('md5');
      for await (const bytes of this.#content(content)) {
        digest.update(bytes);
        sizeBytes += bytes.length;
        yield bytes;
      }
      digests.push(digest.digest('hex'));
      requireEtag(digests.at(-1)!, etag);
    }
    if (sizeBytes !== version.sizeBytes) {
      throw new LostError(`${sizeBytes} bytes where ${version.sizeBytes} were written`);
    }
    if (version.content === null) requireEtag(multipartEtag(digests), version.etag);
  }

  async *#content({ inline, blob }: Content): AsyncGenerator<Uint8Array> {
    if (inline !== null) yield inline;
    if (blob === null) return;
    const holders = this.#holders(blob);
    for (let stripe = 0; stripe < stripeCount(blob); stripe++) yield* await this.#stripe(blob, holders, stripe);
  }

  /** By position, the drives that have its shard. */
  #holders({ blobId, k, m }: BlobRef): BareDrive[][] {
    return Array.from({ length: k + m }, (_, position) =>
      this.#drives.filter((drive) => drive.statShard({ blobId, position }) !== null),
    );
  }

  async #stripe(blob: BlobRef, holders: readonly (readonly BareDrive[])[], stripe: number): Promise<Uint8Array[]> {
    const { k, m } = blob;
    const blocks = await Promise.all(holders.slice(0, k).map((drives, i) => readBlock(drives, blob, i, stripe)));
    for (let position = k; position < k + m; position++) {
      const isEnough = blocks.filter((block) => block !== null).length >= k;
      blocks.push(isEnough ? null : await readBlock(holders[position]!, blob, position, stripe));
    }
    const have = blocks.filter((block) => block !== null).length;
    if (have < k) {
      const missing = blocks.flatMap((block, position) => (block === null ? [position] : []));
      throw new LostError(
        `blob ${blob.blobId}: ${have} of the ${k} shards that it takes are here, and intact in stripe ${stripe}; ` +
          `missing or damaged: ${missing.join(', ')} of 0-${k + m - 1}`,
      );
    }
    const wanted = Array.from({ length: k }, (_, position) => position);
    return cut(this.#erasure(k, m).reconstruct(blocks, wanted), stripeDataBytes(blob, stripe));
  }
}

async function readBlock(
  drives: readonly BareDrive[],
  blob: BlobRef,
  position: number,
  stripe: number,
): Promise<Uint8Array | null> {
  const { blobId } = blob;
  const { offset, lengthBytes } = sealedBlockAt(blob, stripe);
  for (const drive of drives) {
    try {
      const sealed = await drive.readShard({ blobId, position }, offset, lengthBytes);
      const block = sealed?.length === lengthBytes ? openBlock({ blobId, position, stripe }, sealed) : null;
      if (block !== null) return block;
    } catch (error) {
      if (!(error instanceof CorruptionError || error instanceof DiskError)) throw error;
    }
  }
  return null;
}

/** The last stripe is filled up to whole blocks. */
function cut(blocks: readonly Uint8Array[], sizeBytes: number): Uint8Array[] {
  let left = sizeBytes;
  const pieces: Uint8Array[] = [];
  for (const block of blocks) {
    if (left > 0) pieces.push(block.subarray(0, left));
    left -= block.length;
  }
  return pieces;
}

function contentsOf({ content, etag, parts }: ObjectVersion): { readonly content: Content; readonly etag: string }[] {
  return content === null ? parts.map((part) => ({ content: part.content, etag: part.etag })) : [{ content, etag }];
}

/** An ETag of another form was not made from the bytes, for instance one that came with an object from another store. */
function requireEtag(found: string, etag: string): void {
  const isDigest = /^[0-9a-f]{32}(-[0-9]+)?$/.test(etag) && etag.includes('-') === found.includes('-');
  if (isDigest && found !== etag) throw new LostError(`the bytes have the ETag ${found}, not ${etag}`);
}
