// What drive-writer.ts writes under a number, so that whoever reads it afterwards can tell whether it is right.
import type { ShardName } from '../../node/storage/drive-store.ts';

/** Short and long ones by turns. */
export function contentOf(number: number): Buffer {
  return Buffer.alloc(number % 3 === 0 ? 100 : 3_000 + (number % 2_000), `${number},`);
}

export function shardOf(number: number): ShardName {
  return { blobId: number.toString(16).padStart(32, '0'), position: 0 };
}
