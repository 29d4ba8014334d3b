// A node of the index's tree as bytes: a header, where the items start, and the items, ascending by key. In a leaf the body of an
// item is a value; above, it is a reference to a child, which holds the keys from the item's own up to the next item's.
// A node fills one page or more, so that the longest entry is a leaf like any other.
import { crc32 } from 'node:zlib';

export const INDEX_PAGE_BYTES = 4096;
const NODE_VERSION = 1;
const HEADER_BYTES = 8;
const OFFSET_BYTES = 4;
const ITEM_HEADER_BYTES = 6;
const REFERENCE_BYTES = 12;
/** What fits into a node of one page. */
export const NODE_CAPACITY_BYTES = INDEX_PAGE_BYTES - HEADER_BYTES;

/** Where a node lies, and the checksum of all its pages: what is not exactly what was written there is damage. */
export interface NodeReference {
  readonly page: number;
  readonly pages: number;
  readonly crc: number;
}

export interface NodeItem {
  readonly key: Buffer;
  readonly body: Buffer;
}

/** What an item takes of a node. */
export const itemBytes = ({ key, body }: NodeItem): number =>
  OFFSET_BYTES + ITEM_HEADER_BYTES + key.length + body.length;

/** level: 0 for a leaf. Padded with zeros to whole pages. */
export function encodeNode(level: number, items: readonly NodeItem[]): Buffer {
  const usedBytes = items.reduce((sum, item) => sum + itemBytes(item), HEADER_BYTES);
  const node = Buffer.alloc(Math.ceil(usedBytes / INDEX_PAGE_BYTES) * INDEX_PAGE_BYTES);
  node[0] = NODE_VERSION;
  node[1] = level;
  node.writeUInt32LE(items.length, 4);
  let at = HEADER_BYTES + items.length * OFFSET_BYTES;
  for (const [i, { key, body }] of items.entries()) {
    node.writeUInt32LE(at, HEADER_BYTES + i * OFFSET_BYTES);
    node.writeUInt16LE(key.length, at);
    node.writeUInt32LE(body.length, at + 2);
    node.set(key, at + ITEM_HEADER_BYTES);
    node.set(body, at + ITEM_HEADER_BYTES + key.length);
    at += ITEM_HEADER_BYTES + key.length + body.length;
  }
  return node;
}

export function referenceTo(page: number, node: Buffer): NodeReference {
  return { page, pages: node.length / INDEX_PAGE_BYTES, crc: crc32(node) };
}

export function encodeReference({ page, pages, crc }: NodeReference): Buffer {
  const body = Buffer.alloc(REFERENCE_BYTES);
  body.writeUIntLE(page, 0, 6);
  body.writeUInt16LE(pages, 6);
  body.writeUInt32LE(crc, 8);
  return body;
}

export function decodeReference(body: Buffer): NodeReference {
  return { page: body.readUIntLE(0, 6), pages: body.readUInt16LE(6), crc: body.readUInt32LE(8) };
}

/** A node whose checksum is right, looked into where it lies. RangeError when it makes no sense all the same. */
export class NodeView {
  readonly count: number;
  readonly #node: Buffer;

  /** level: what it must be. */
  constructor(node: Buffer, level: number) {
    if (node[0] !== NODE_VERSION || node[1] !== level) {
      throw new RangeError(`a node of version ${node[0]} and level ${node[1]}, where one of level ${level} should be`);
    }
    this.#node = node;
    this.count = node.readUInt32LE(4);
  }

  /** Views. */
  items(): NodeItem[] {
    return Array.from({ length: this.count }, (_, i) => ({ key: this.key(i), body: this.body(i) }));
  }

  key(i: number): Buffer {
    const at = this.#start(i);
    return this.#node.subarray(at + ITEM_HEADER_BYTES, at + ITEM_HEADER_BYTES + this.#node.readUInt16LE(at));
  }

  body(i: number): Buffer {
    const at = this.#start(i);
    const start = at + ITEM_HEADER_BYTES + this.#node.readUInt16LE(at);
    return this.#node.subarray(start, start + this.#node.readUInt32LE(at + 2));
  }

  child(i: number): NodeReference {
    return decodeReference(this.body(i));
  }

  /** The key of item i against this one: below 0, 0, above 0. */
  compare(i: number, key: Buffer): number {
    const at = this.#start(i);
    const start = at + ITEM_HEADER_BYTES;
    return this.#node.compare(key, 0, key.length, start, start + this.#node.readUInt16LE(at));
  }

  /** Which item is the first whose key is not below this one; count when all are. */
  find(key: Buffer): number {
    let low = 0;
    let high = this.count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.compare(middle, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Which child holds the key. Nothing lies below the first, whatever its key says. */
  childFor(key: Buffer): number {
    const i = this.find(key);
    const isExact = i < this.count && this.compare(i, key) === 0;
    return isExact ? i : Math.max(0, i - 1);
  }

  #start(i: number): number {
    return this.#node.readUInt32LE(HEADER_BYTES + i * OFFSET_BYTES);
  }
}
