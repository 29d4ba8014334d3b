// What passes between the thread that serves and the thread that writes the index: batches of changes, each as one piece of
// memory, and how they went. Never leaves the process.
import type { IndexHead } from './index-head.ts';
import type { IndexChange } from './index-port.ts';

/** null: close. */
export type IndexRequest = { readonly batch: ArrayBuffer } | null;

/** One for every request, and one when the thread is ready: what the index is now, or what went wrong. */
export type IndexOutcome =
  | { readonly kind: 'done'; readonly head: IndexHead }
  | { readonly kind: 'corrupt' | 'no-space' | 'io'; readonly message: string };

const HEADER_BYTES = 8;
/** In place of the length of a value: the key is removed. */
const REMOVED = 0xffffffff;

export function packBatch(changes: readonly IndexChange[]): ArrayBuffer {
  const sizeBytes = changes.reduce((sum, { key, value }) => sum + HEADER_BYTES + key.length + (value?.length ?? 0), 0);
  const packed = Buffer.from(new ArrayBuffer(sizeBytes));
  let at = 0;
  for (const { key, value } of changes) {
    packed.writeUInt32LE(key.length, at);
    packed.writeUInt32LE(value?.length ?? REMOVED, at + 4);
    packed.write(key, at + HEADER_BYTES, 'latin1');
    at += HEADER_BYTES + key.length;
    if (value === null) continue;
    packed.set(value, at);
    at += value.length;
  }
  return packed.buffer as ArrayBuffer;
}

/** Keys and values are views. */
export function* unpackBatch(batch: ArrayBuffer): Generator<{ key: Buffer; value: Buffer | null }> {
  const packed = Buffer.from(batch);
  for (let at = 0; at < packed.length; ) {
    const keyStart = at + HEADER_BYTES;
    const keyEnd = keyStart + packed.readUInt32LE(at);
    const valueLength = packed.readUInt32LE(at + 4);
    at = valueLength === REMOVED ? keyEnd : keyEnd + valueLength;
    yield {
      key: packed.subarray(keyStart, keyEnd),
      value: valueLength === REMOVED ? null : packed.subarray(keyEnd, at),
    };
  }
}
