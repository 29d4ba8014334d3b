// The index of a drive at rest, read straight from LMDB's file, page by page, without LMDB: no memory map that a damaged page
// turns into a crash of the process, no lock file, nothing written. A page that is not right is skipped and remembered.
// Layout: mdb.c of LMDB 1.0, data version 2, 64 bits, little-endian; the index has no sub-databases and no duplicates.
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { DiskError } from '../io/disk.ts';
import type { Index, IndexEntry, IndexSpace } from './index-port.ts';

/** In the directory of the index, beside LMDB's lock file. */
export const INDEX_FILE = 'data.mdb';
const PAGE_HEADER_BYTES = 24;
const NODE_HEADER_BYTES = 8;
const META_BYTES = 160;
const META_MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const NO_PAGE = 2n ** 64n - 1n;
const PAGE_SIZES = [4096, 8192, 16_384, 32_768, 65_536];
const CACHED_PAGES_MAX = 1_024;
const FLAG = { branch: 0x01, leaf: 0x02, overflow: 0x04, meta: 0x08 } as const;
const NODE_IS_BIG = 0x01;
/** The key under which LmdbIndex keeps the state. */
const STATE_KEY = '\0';

export interface IndexFile extends Index {
  /** What could not be read of the file so far, by page. */
  readonly damage: readonly string[];
}

/** directory: where lmdbIndex keeps it. Throws DiskError: 'not-found' without a file, 'io' when it is no index. */
export function openIndexFile(directory: string): IndexFile {
  const path = join(directory, INDEX_FILE);
  const descriptor = openIfThere(path);
  if (descriptor === null) throw new DiskError('not-found', `${path} does not exist`);
  try {
    return new LmdbFile(path, descriptor);
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

function openIfThere(path: string): number | null {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
    throw new DiskError('io', `cannot open ${path}: ${String(error)}`, { cause: error });
  }
}

/**
 * unborn: LMDB has made it, and no transaction was ever committed. Its heads are not synced before the first one is, so after
 * a power cut one or both may be zeros, and LMDB must not be given such a file: it may end the process. Throws DiskError when
 * it is damaged.
 */
export function inspectIndexFile(directory: string): 'none' | 'unborn' | 'used' {
  const descriptor = openIfThere(join(directory, INDEX_FILE));
  if (descriptor === null) return 'none';
  try {
    const file = new LmdbFile(join(directory, INDEX_FILE), descriptor);
    if (file.isUnborn) return 'unborn';
    if (file.hasBothHeads) return 'used';
    throw new DiskError('io', `${join(directory, INDEX_FILE)} is damaged: one of its heads is not right`);
  } finally {
    closeSync(descriptor);
  }
}

interface Meta {
  readonly pageBytes: number;
  readonly root: number | null;
  /** Leaves are so many pages from the root, the root included. */
  readonly depth: number;
  readonly lastPage: number;
  readonly transaction: bigint;
}

/** Of a file in which nothing was ever committed. */
const EMPTY = { root: null, depth: 0, lastPage: 1, transaction: 0n } as const;

/** What of the tree is wanted, and what a page of it may hold. */
interface Span {
  readonly from: string;
  readonly low: string;
  /** null: no end. */
  readonly high: string | null;
  readonly depth: number;
}

/** A place that is not right; the message says where. */
class PageDamage extends Error {}

class LmdbFile implements IndexFile {
  readonly damage: string[] = [];
  readonly #path: string;
  readonly #descriptor: number;
  readonly #sizeBytes: number;
  readonly #meta: Meta;
  #headCount = 0;
  readonly #cache = new Map<number, Buffer>();

  constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#sizeBytes = fstatSync(descriptor).size;
    try {
      this.#meta = this.#newestMeta();
    } catch (error) {
      throw error instanceof PageDamage ? new DiskError('io', `${path}: ${error.message}`) : error;
    }
  }

  get hasBothHeads(): boolean {
    return this.#headCount === 2;
  }

  get isUnborn(): boolean {
    return this.#meta.transaction === 0n;
  }

  get(key: string): Buffer | null {
    const [found] = this.range(key, `${key}\0`, 1);
    return found?.value ?? null;
  }

  range(from: string, to: string, limit: number): IndexEntry[] {
    const entries: IndexEntry[] = [];
    if (this.#meta.root === null || limit <= 0) return entries;
    for (const entry of this.#walk(this.#meta.root, { from, low: '', high: null, depth: 1 })) {
      if (to !== '' && entry.key >= to) break;
      entries.push(entry);
      if (entries.length === limit) break;
    }
    return entries;
  }

  state(): Buffer | null {
    return this.get(STATE_KEY);
  }

  async apply(): Promise<void> {
    throw new DiskError('read-only', `${this.#path} is open for reading only`);
  }

  space(): IndexSpace {
    return { usedBytes: (this.#meta.lastPage + 1) * this.#meta.pageBytes, spareBytes: 0 };
  }

  async close(): Promise<void> {
    closeSync(this.#descriptor);
  }

  *#walk(number: number, span: Span): Generator<IndexEntry> {
    let page: Buffer;
    let offsets: number[];
    const isLeaf = span.depth === this.#meta.depth;
    try {
      page = this.#page(number);
      if ((page.readUInt16LE(18) & (isLeaf ? FLAG.leaf : FLAG.branch)) === 0) {
        throw new PageDamage(`page ${number} is no ${isLeaf ? 'leaf' : 'branch'}`);
      }
      offsets = nodeOffsets(page, number);
    } catch (error) {
      this.#note(error);
      return;
    }
    if (isLeaf) yield* this.#leaf(page, offsets, span);
    else yield* this.#branch(page, offsets, span);
  }

  *#branch(page: Buffer, offsets: readonly number[], { from, low, high, depth }: Span): Generator<IndexEntry> {
    for (const [i, offset] of offsets.entries()) {
      const next = offsets[i + 1];
      const childLow = i === 0 ? low : keyAt(page, offset);
      const childHigh = next === undefined ? high : keyAt(page, next);
      if (childHigh !== null && childHigh <= from) continue;
      const number = page.readUInt32LE(offset) + page.readUInt16LE(offset + 4) * 2 ** 32;
      yield* this.#walk(number, { from, low: childLow, high: childHigh, depth: depth + 1 });
    }
  }

  *#leaf(page: Buffer, offsets: readonly number[], { from, low, high }: Span): Generator<IndexEntry> {
    for (const offset of offsets) {
      try {
        const key = keyAt(page, offset);
        if (key < low || (high !== null && key >= high)) {
          throw new PageDamage(`page ${pageNumber(page)} holds keys of another page`);
        }
        if (key >= from) yield { key, value: this.#value(page, offset) };
      } catch (error) {
        this.#note(error);
      }
    }
  }

  #value(page: Buffer, offset: number): Buffer {
    const lengthBytes = page.readUInt32LE(offset);
    const start = offset + NODE_HEADER_BYTES + page.readUInt16LE(offset + 6);
    if ((page.readUInt16LE(offset + 4) & NODE_IS_BIG) === 0) {
      if (start + lengthBytes > page.length) throw new PageDamage(`a value in page ${pageNumber(page)} is cut off`);
      return page.subarray(start, start + lengthBytes);
    }
    if (start + 8 > page.length) throw new PageDamage(`a value in page ${pageNumber(page)} is cut off`);
    return this.#overflow(Number(page.readBigUInt64LE(start)), lengthBytes);
  }

  #overflow(number: number, lengthBytes: number): Buffer {
    const head = this.#page(number);
    if ((head.readUInt16LE(18) & FLAG.overflow) === 0) throw new PageDamage(`page ${number} is no overflow page`);
    const pages = head.readUInt32LE(20);
    if (PAGE_HEADER_BYTES + lengthBytes > pages * this.#meta.pageBytes) {
      throw new PageDamage(`the value in page ${number} is longer than its pages`);
    }
    return this.#read(number * this.#meta.pageBytes + PAGE_HEADER_BYTES, lengthBytes);
  }

  #page(number: number): Buffer {
    const cached = this.#cache.get(number);
    if (cached !== undefined) return cached;
    if (!(number > 1 && number <= this.#meta.lastPage)) throw new PageDamage(`there is no page ${number}`);
    const page = this.#read(number * this.#meta.pageBytes, this.#meta.pageBytes);
    if (pageNumber(page) !== number || page.readBigUInt64LE(8) > this.#meta.transaction) {
      throw new PageDamage(`page ${number} holds something else`);
    }
    if (this.#cache.size >= CACHED_PAGES_MAX) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(number, page);
    return page;
  }

  /** The newer of the heads that are right. Of a file without a transaction they may be unwritten. */
  #newestMeta(): Meta {
    const metas = PAGE_SIZES.flatMap((pageBytes) =>
      [0, 1].flatMap((number) => {
        const meta = decodeMeta(this.#readUpTo(number * pageBytes, META_BYTES));
        return meta?.pageBytes === pageBytes ? [{ ...meta, number }] : [];
      }),
    );
    this.#headCount = metas.length;
    const [newest] = metas.sort((a, b) => (a.transaction < b.transaction ? 1 : -1));
    const pageBytes = newest?.pageBytes ?? PAGE_SIZES[0]!;
    const missing = [0, 1].filter((number) => !metas.some((meta) => meta.number === number));
    const isUnwritten = (number: number) => this.#readUpTo(number * pageBytes, META_BYTES).every((byte) => byte === 0);
    if (newest === undefined && missing.every(isUnwritten)) return { ...EMPTY, pageBytes };
    if (newest !== undefined && (missing.length === 0 || newest.transaction > 0n)) return newest;
    if (newest !== undefined && missing.every(isUnwritten)) return newest;
    throw new DiskError('io', `${this.#path} is not an index: its heads are damaged`);
  }

  #read(offset: number, lengthBytes: number): Buffer {
    const bytes = this.#readUpTo(offset, lengthBytes);
    if (bytes.length < lengthBytes) throw new PageDamage(`the file ends before byte ${offset + lengthBytes}`);
    return bytes;
  }

  #readUpTo(offset: number, lengthBytes: number): Buffer {
    // A damaged length must not ask for memory without end.
    const buffer = Buffer.alloc(Math.max(0, Math.min(lengthBytes, this.#sizeBytes - offset)));
    let end = 0;
    try {
      while (end < buffer.length) {
        const count = readSync(this.#descriptor, buffer, end, buffer.length - end, offset + end);
        if (count === 0) break;
        end += count;
      }
    } catch (error) {
      throw new PageDamage(`byte ${offset} cannot be read: ${String(error)}`);
    }
    return buffer.subarray(0, end);
  }

  #note(error: unknown): void {
    if (!(error instanceof PageDamage || error instanceof RangeError)) throw error;
    const message = `${this.#path}: ${error.message}`;
    if (!this.damage.includes(message)) this.damage.push(message);
  }
}

function decodeMeta(page: Buffer): Meta | null {
  if (page.length < META_BYTES) return null;
  const isMeta = (page.readUInt16LE(18) & FLAG.meta) !== 0 && page.readUInt32LE(24) === META_MAGIC;
  if (!isMeta || (page.readUInt32LE(28) & 0xffff) !== DATA_VERSION) return null;
  const root = page.readBigUInt64LE(136);
  return {
    pageBytes: page.readUInt32LE(48),
    root: root === NO_PAGE ? null : Number(root),
    depth: page.readUInt16LE(102),
    lastPage: Number(page.readBigUInt64LE(144)),
    transaction: page.readBigUInt64LE(152),
  };
}

const pageNumber = (page: Buffer): number => Number(page.readBigUInt64LE(0));

/** Where the nodes of a branch or leaf start, in the order of their keys. */
function nodeOffsets(page: Buffer, number: number): number[] {
  const pointersBytes = page.readUInt16LE(20);
  if (pointersBytes % 2 !== 0 || PAGE_HEADER_BYTES + pointersBytes > page.length) {
    throw new PageDamage(`page ${number} has a damaged list of nodes`);
  }
  const offsets: number[] = [];
  for (let at = PAGE_HEADER_BYTES; at < PAGE_HEADER_BYTES + pointersBytes; at += 2) {
    const offset = PAGE_HEADER_BYTES + page.readUInt16LE(at);
    const isInside = offset + NODE_HEADER_BYTES <= page.length;
    if (!isInside || offset + NODE_HEADER_BYTES + page.readUInt16LE(offset + 6) > page.length) {
      throw new PageDamage(`page ${number} has a damaged node`);
    }
    offsets.push(offset);
  }
  return offsets;
}

function keyAt(page: Buffer, offset: number): string {
  const start = offset + NODE_HEADER_BYTES;
  return page.toString('latin1', start, start + page.readUInt16LE(offset + 6));
}
