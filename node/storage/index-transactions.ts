// Writes an index file: each transaction puts its nodes where nothing is, syncs them, then writes and syncs the head that names
// them. Synchronous, as it has a thread of its own.
import { fdatasyncSync, writeSync } from 'node:fs';
import { encodeHead, headOffset, type IndexHead } from './index-head.ts';
import { INDEX_PAGE_BYTES, type NodeItem, type NodeReference, referenceTo } from './index-node.ts';
import { FreeSpace, type SpaceChange } from './index-space.ts';
import type { IndexPages } from './index-tree.ts';
import { type NodeStore, type TreeChange, updateTree } from './index-update.ts';

/** Nodes that lie one behind the other are written together, up to so much. */
const WRITE_BYTES_MAX = 2 ** 20;

export class IndexTransactions {
  readonly #pages: IndexPages;
  readonly #descriptor: number;
  #head: IndexHead;
  #space: FreeSpace;

  /** Looks at every node above the leaves, to learn what is free. Throws CorruptionError. */
  constructor(pages: IndexPages, descriptor: number, head: IndexHead) {
    this.#pages = pages;
    this.#descriptor = descriptor;
    this.#head = head;
    this.#space = FreeSpace.besides(nodesOf(pages, head), head.endPage);
  }

  /** changes: distinct keys. Throws CorruptionError, and what the file system throws; then the index is what it was. */
  apply(changes: readonly TreeChange[]): IndexHead {
    const sorted = [...changes].sort((a, b) => a.key.compare(b.key));
    const space = this.#space.begin();
    const writer = new NodeWriter(this.#pages, this.#descriptor, space);
    const root = updateTree(this.#head, sorted, writer);
    writer.flush();
    fdatasyncSync(this.#descriptor);
    const head: IndexHead = {
      ...root,
      transaction: this.#head.transaction + 1,
      usedPages: this.#head.usedPages + space.usedPages,
      endPage: space.endPage,
    };
    this.#writeHead(head);
    this.#space = space.result();
    this.#head = head;
    return head;
  }

  #writeHead(head: IndexHead): void {
    try {
      writeAll(this.#descriptor, encodeHead(head), headOffset(head));
      fdatasyncSync(this.#descriptor);
    } catch (error) {
      // It may be on the disk or not, so nobody may write on; no lack of space is an excuse.
      throw new Error(`the head cannot be written: ${error}`, { cause: error });
    }
  }
}

class NodeWriter implements NodeStore {
  readonly #pages: IndexPages;
  readonly #descriptor: number;
  readonly #space: SpaceChange;
  #pending: Buffer[] = [];
  #pendingPage = 0;
  #pendingPages = 0;

  constructor(pages: IndexPages, descriptor: number, space: SpaceChange) {
    this.#pages = pages;
    this.#descriptor = descriptor;
    this.#space = space;
  }

  load(reference: NodeReference, level: number): NodeItem[] {
    // What this transaction has made may not be in the file yet.
    const place = reference.page - this.#pendingPage;
    if (place >= 0 && place < this.#pendingPages) this.flush();
    const node = this.#pages.node(reference, level);
    return this.#pages.sensible(reference, () => node.items());
  }

  store(node: Buffer): NodeReference {
    const reference = referenceTo(this.#space.take(node.length / INDEX_PAGE_BYTES), node);
    const isNext = reference.page === this.#pendingPage + this.#pendingPages;
    if (!isNext || this.#pendingPages * INDEX_PAGE_BYTES >= WRITE_BYTES_MAX) {
      this.flush();
      this.#pendingPage = reference.page;
    }
    this.#pending.push(node);
    this.#pendingPages += reference.pages;
    return reference;
  }

  drop(reference: NodeReference): void {
    this.#space.give(reference);
  }

  flush(): void {
    writeAll(this.#descriptor, Buffer.concat(this.#pending), this.#pendingPage * INDEX_PAGE_BYTES);
    this.#pendingPage += this.#pendingPages;
    this.#pending = [];
    this.#pendingPages = 0;
  }
}

function writeAll(descriptor: number, bytes: Buffer, offset: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at, offset + at);
}

function nodesOf(pages: IndexPages, { root, level }: IndexHead): NodeReference[] {
  const found: NodeReference[] = [];
  const visit = (reference: NodeReference, at: number): void => {
    found.push(reference);
    if (at === 0) return;
    const node = pages.node(reference, at);
    for (let i = 0; i < node.count; i++)
      visit(
        pages.sensible(reference, () => node.child(i)),
        at - 1,
      );
  };
  if (root !== null) visit(root, level);
  return found;
}
