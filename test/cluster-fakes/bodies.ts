// Bodies as clients send them, and the bytes that come back.
import { createHash } from 'node:crypto';
import type { Body, ObjectStore, ReadObject } from '../../node/cluster/object-store.ts';
import { SimRandom } from '../simulation/sim-random.ts';

export const NO_METADATA = { headers: {}, user: {} };
export const NO_CONDITIONS = { ifMatch: [], ifNoneMatch: [] };

/** Bytes without a pattern, the same for the same seed. */
export function bytesOf(sizeBytes: number, seed: number | string = sizeBytes): Buffer {
  return new SimRandom(`bytes ${seed}`).bytes(sizeBytes);
}

export const etagOf = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('hex');

export interface BodyOptions {
  /** false: as chunks without a length. */
  readonly isDeclared?: boolean;
  readonly pieceBytes?: number;
  /** The client vanishes after so many bytes. */
  readonly breaksAt?: number;
  /** Thrown by seal: what the client said does not fit. */
  readonly sealError?: Error;
  readonly onPiece?: (sizeBytes: number) => void;
}

export function body(bytes: Buffer, options: BodyOptions = {}): Body {
  const { isDeclared = true, pieceBytes = 65_536, breaksAt, sealError, onPiece } = options;
  async function* stream() {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      if (breaksAt !== undefined && at >= breaksAt) throw new Error('the client has vanished');
      const piece = Buffer.from(bytes.subarray(at, at + pieceBytes));
      onPiece?.(piece.length);
      yield piece;
    }
  }
  return {
    stream: stream(),
    sizeBytes: isDeclared ? bytes.length : null,
    seal() {
      if (sealError !== undefined) throw sealError;
      return { etag: etagOf(bytes), checksums: {} };
    },
  };
}

export async function readAll({ read }: ReadObject, range: Parameters<ReadObject['read']>[0] = null): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of read(range)) pieces.push(piece);
  return Buffer.concat(pieces);
}

export async function put(store: ObjectStore, key: string, bytes: Buffer, options: BodyOptions = {}) {
  return store.putObject('bucket', key, body(bytes, options), NO_METADATA, NO_CONDITIONS);
}

export async function get(store: ObjectStore, key: string): Promise<Buffer> {
  return readAll(await store.getObject('bucket', key));
}
