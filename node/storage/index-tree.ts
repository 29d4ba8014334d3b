// Reads the tree of an index file, page by page. Every node is held against the checksum in what points to it before it is
// looked into, so a damaged page is noticed wherever it lies, and nothing that cannot be read is ever taken for absent.
import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { DiskError } from '../io/disk.ts';
import { CorruptionError } from './drive-store.ts';
import { type FoundHeads, findHeads, HEAD_PAGES, type IndexHead } from './index-head.ts';
import { INDEX_PAGE_BYTES, type NodeReference, NodeView } from './index-node.ts';
import type { IndexEntry } from './index-port.ts';

/** Of the nodes above the leaves: one of them leads to some fifty others, so these are all there are of a million entries. */
const CACHED_BRANCHES_MAX = 512;
/** Of the leaves: what neighbours ask for one after the other. The system caches the rest. */
const CACHED_LEAVES_MAX = 64;

export class IndexPages {
  /** For messages. */
  readonly path: string;
  readonly #descriptor: number;
  readonly #branches = new NodeCache(CACHED_BRANCHES_MAX);
  readonly #leaves = new NodeCache(CACHED_LEAVES_MAX);

  /** The descriptor is the caller's. */
  constructor(path: string, descriptor: number) {
    this.path = path;
    this.#descriptor = descriptor;
  }

  heads(): FoundHeads {
    return findHeads(this.#read(0, HEAD_PAGES * INDEX_PAGE_BYTES));
  }

  /** Throws CorruptionError, and DiskError when the disk gives an error. */
  node(reference: NodeReference, level: number): NodeView {
    const cache = level === 0 ? this.#leaves : this.#branches;
    const cached = cache.get(reference);
    if (cached !== null) return cached;
    const { page, pages, crc } = reference;
    const bytes = this.#read(page * INDEX_PAGE_BYTES, pages * INDEX_PAGE_BYTES);
    if (bytes.length !== pages * INDEX_PAGE_BYTES) throw this.#damage(page, 'is behind the end of the file');
    if (crc32(bytes) !== crc) throw this.#damage(page, 'its checksum does not match');
    const node = this.sensible(reference, () => new NodeView(bytes, level));
    cache.set(reference, node);
    return node;
  }

  /** What its checksum lets through and makes no sense is damage too. */
  sensible<T>({ page }: NodeReference, look: () => T): T {
    try {
      return look();
    } catch (error) {
      if (error instanceof RangeError) throw this.#damage(page, error.message);
      throw error;
    }
  }

  #damage(page: number, what: string): CorruptionError {
    return new CorruptionError(`index ${this.path}: page ${page}: ${what}`);
  }

  #read(offset: number, lengthBytes: number): Buffer {
    // Memory of its own: a piece of the pool would keep the pool alive.
    const bytes = Buffer.allocUnsafeSlow(lengthBytes);
    let end = 0;
    try {
      while (end < lengthBytes) {
        const count = readSync(this.#descriptor, bytes, end, lengthBytes - end, offset + end);
        if (count === 0) break;
        end += count;
      }
    } catch (error) {
      throw new DiskError('io', `${this.path}: byte ${offset + end} cannot be read: ${error}`, { cause: error });
    }
    return bytes.subarray(0, end);
  }
}

/** By page; a node that has been replaced there since has another checksum. */
class NodeCache {
  readonly #nodesMax: number;
  readonly #nodes = new Map<number, { readonly crc: number; readonly node: NodeView }>();

  constructor(nodesMax: number) {
    this.#nodesMax = nodesMax;
  }

  get({ page, crc }: NodeReference): NodeView | null {
    const found = this.#nodes.get(page);
    if (found === undefined || found.crc !== crc) return null;
    this.#nodes.delete(page);
    this.#nodes.set(page, found);
    return found.node;
  }

  set({ page, pages, crc }: NodeReference, node: NodeView): void {
    // One long value must not count as one page.
    if (pages > 1) return;
    this.#nodes.delete(page);
    if (this.#nodes.size >= this.#nodesMax) this.#nodes.delete(this.#nodes.keys().next().value!);
    this.#nodes.set(page, { crc, node });
  }
}

/** Told of what cannot be read; to return means to go on with what is behind it. */
export type OnUnreadable = (error: CorruptionError | DiskError) => void;

export class IndexTree {
  /** What the tree holds; replaced when a transaction is through. */
  head: IndexHead;
  readonly #pages: IndexPages;
  readonly #onUnreadable: OnUnreadable;

  constructor(pages: IndexPages, head: IndexHead, onUnreadable: OnUnreadable) {
    this.#pages = pages;
    this.head = head;
    this.#onUnreadable = onUnreadable;
  }

  get(key: string): Buffer | null {
    const { root, level } = this.head;
    if (root === null) return null;
    try {
      return this.#find(root, level, Buffer.from(key, 'latin1'));
    } catch (error) {
      this.#tell(error);
      return null;
    }
  }

  /** Up to limit entries with from ≤ key < to, ascending; to = '' means no upper end. The values are copies. */
  range(from: string, to: string, limit: number): IndexEntry[] {
    const { root, level } = this.head;
    if (root === null || limit <= 0) return [];
    const span = { from: Buffer.from(from, 'latin1'), to: to === '' ? null : Buffer.from(to, 'latin1'), limit };
    const found: IndexEntry[] = [];
    this.#collect(root, level, span, found);
    return found;
  }

  /** A copy. */
  #find(root: NodeReference, rootLevel: number, key: Buffer): Buffer | null {
    let reference = root;
    for (let level = rootLevel; level > 0; level--) {
      const node = this.#pages.node(reference, level);
      reference = this.#pages.sensible(reference, () => node.child(node.childFor(key)));
    }
    const leaf = this.#pages.node(reference, 0);
    return this.#pages.sensible(reference, () => {
      const i = leaf.find(key);
      return i < leaf.count && leaf.compare(i, key) === 0 ? Buffer.from(leaf.body(i)) : null;
    });
  }

  #tell(error: unknown): void {
    if (!(error instanceof CorruptionError || error instanceof DiskError)) throw error;
    this.#onUnreadable(error);
  }

  /** True when what follows is not wanted any more. */
  #collect(reference: NodeReference, level: number, span: Span, found: IndexEntry[]): boolean {
    try {
      const node = this.#pages.node(reference, level);
      return this.#pages.sensible(reference, () =>
        level === 0 ? collectLeaf(node, span, found) : this.#collectBranch(node, level, span, found),
      );
    } catch (error) {
      this.#tell(error);
      return false;
    }
  }

  #collectBranch(node: NodeView, level: number, span: Span, found: IndexEntry[]): boolean {
    const first = node.childFor(span.from);
    for (let i = first; i < node.count; i++) {
      if (i > first && span.to !== null && node.compare(i, span.to) >= 0) return true;
      if (this.#collect(node.child(i), level - 1, span, found)) return true;
    }
    return false;
  }
}

interface Span {
  readonly from: Buffer;
  readonly to: Buffer | null;
  readonly limit: number;
}

function collectLeaf(node: NodeView, { from, to, limit }: Span, found: IndexEntry[]): boolean {
  for (let i = node.find(from); i < node.count; i++) {
    if (to !== null && node.compare(i, to) >= 0) return true;
    found.push({ key: node.key(i).toString('latin1'), value: Buffer.from(node.body(i)) });
    if (found.length === limit) return true;
  }
  return false;
}
