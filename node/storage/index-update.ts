// One transaction on the tree of an index: every node that changes is written to a new place, and so are those above it, up to
// a new root. What the tree was before stays whole beside it. Neighbours that change are packed together; what gets small joins
// a neighbour.
import type { IndexHead } from './index-head.ts';
import {
  decodeReference,
  encodeNode,
  encodeReference,
  itemBytes,
  NODE_CAPACITY_BYTES,
  type NodeItem,
  type NodeReference,
} from './index-node.ts';

/** A node that has changed and fills less joins a neighbour. */
const FILL_MIN_BYTES = NODE_CAPACITY_BYTES / 4;
/** Above the leaves a node has two children or more, however long their keys, so that the tree ends. */
const CHILDREN_MIN = 2;

export interface TreeChange {
  readonly key: Buffer;
  /** null removes the key. */
  readonly value: Buffer | null;
}

/** Where nodes come from and go to. */
export interface NodeStore {
  /** Views that stay as they are until the transaction has ended. */
  load(reference: NodeReference, level: number): NodeItem[];
  store(node: Buffer): NodeReference;
  /** Nothing refers to it any more. */
  drop(reference: NodeReference): void;
}

export type Root = Pick<IndexHead, 'root' | 'level'>;

/** changes: ascending by key, which are distinct. */
export function updateTree({ root, level }: Root, changes: readonly TreeChange[], nodes: NodeStore): Root {
  const update = new Update(nodes);
  if (root === null) return update.rootOver(merge([], changes), 0);
  const items = update.contents(root, level, changes);
  nodes.drop(root);
  return update.rootOver(items, level);
}

/** A part of a level: a child as it was, or what shall be in one or more new ones. */
type Piece = { readonly kind: 'kept'; readonly item: NodeItem } | OpenPiece;
interface OpenPiece {
  readonly kind: 'open';
  /** Nothing in it is below. */
  readonly low: Buffer;
  readonly items: NodeItem[];
  sizeBytes: number;
}

class Update {
  readonly #nodes: NodeStore;

  constructor(nodes: NodeStore) {
    this.#nodes = nodes;
  }

  /** What the node shall hold; what is below it is stored by then. */
  contents(reference: NodeReference, level: number, changes: readonly TreeChange[]): NodeItem[] {
    const items = this.#nodes.load(reference, level);
    if (level === 0) return merge(items, changes);
    const pieces: Piece[] = [];
    let from = 0;
    for (const [i, item] of items.entries()) {
      const next = items[i + 1];
      const to = next === undefined ? changes.length : firstFrom(changes, next.key, from);
      this.#join(pieces, this.#piece(item, level - 1, changes.slice(from, to)), level - 1);
      from = to;
    }
    return pieces.flatMap((piece) => (piece.kind === 'kept' ? [piece.item] : this.#pack(piece, level - 1)));
  }

  /** items: what a root of this level would hold. */
  rootOver(items: readonly NodeItem[], level: number): Root {
    if (items.length === 0) return { root: null, level: 0 };
    // A root above a single child is none.
    if (level > 0 && items.length === 1) return this.#rootAt(decodeReference(items[0]!.body), level - 1);
    const packed = this.#pack(openPiece(Buffer.alloc(0), level, [...items]), level);
    if (packed.length > 1) return this.rootOver(packed, level + 1);
    return { root: decodeReference(packed[0]!.body), level };
  }

  #rootAt(reference: NodeReference, level: number): Root {
    if (level === 0) return { root: reference, level };
    const items = this.#nodes.load(reference, level);
    if (items.length > 1) return { root: reference, level };
    this.#nodes.drop(reference);
    return this.#rootAt(decodeReference(items[0]!.body), level - 1);
  }

  #piece(item: NodeItem, level: number, changes: readonly TreeChange[]): Piece {
    if (changes.length === 0) return { kind: 'kept', item };
    const child = decodeReference(item.body);
    const items = this.contents(child, level, changes);
    this.#nodes.drop(child);
    return openPiece(item.key, level, items);
  }

  #join(pieces: Piece[], piece: Piece, level: number): void {
    const before = pieces.at(-1);
    if (before?.kind === 'open' && (piece.kind === 'open' || before.sizeBytes < FILL_MIN_BYTES)) {
      absorb(before, this.#opened(piece, level));
    } else if (before?.kind === 'kept' && piece.kind === 'open' && piece.sizeBytes < FILL_MIN_BYTES) {
      const opened = this.#opened(before, level);
      absorb(opened, piece);
      pieces[pieces.length - 1] = opened;
    } else pieces.push(piece);
  }

  #opened(piece: Piece, level: number): OpenPiece {
    if (piece.kind === 'open') return piece;
    const child = decodeReference(piece.item.body);
    const items = this.#nodes.load(child, level);
    this.#nodes.drop(child);
    return openPiece(piece.item.key, level, items);
  }

  /** Stores them in as few nodes as hold them, filled alike, and gives the items that refer to these. */
  #pack({ low, items, sizeBytes }: OpenPiece, level: number): NodeItem[] {
    const targetBytes = sizeBytes / Math.ceil(sizeBytes / NODE_CAPACITY_BYTES);
    const itemsMin = level === 0 ? 1 : CHILDREN_MIN;
    const packed: NodeItem[] = [];
    let start = 0;
    let filledBytes = 0;
    const close = (end: number): void => {
      const key = start === 0 ? low : lowOf(items, start, level);
      const reference = this.#nodes.store(encodeNode(level, items.slice(start, end)));
      packed.push({ key, body: encodeReference(reference) });
      start = end;
      filledBytes = 0;
    };
    for (const [i, item] of items.entries()) {
      const addedBytes = itemBytes(item);
      const isFull = filledBytes >= targetBytes || filledBytes + addedBytes > NODE_CAPACITY_BYTES;
      if (isFull && i - start >= itemsMin) close(i);
      filledBytes += addedBytes;
    }
    if (items.length > 0) close(items.length);
    return packed;
  }
}

/** items: its own from now on. */
function openPiece(low: Buffer, level: number, items: NodeItem[]): OpenPiece {
  // A first child may hold less than its key says, which only the piece's own low does; further in it would be searched by that key.
  const [first] = items;
  if (level > 0 && first !== undefined) items[0] = { key: low, body: first.body };
  return { kind: 'open', low, items, sizeBytes: items.reduce((sum, item) => sum + itemBytes(item), 0) };
}

function absorb(piece: OpenPiece, next: OpenPiece): void {
  for (const item of next.items) piece.items.push(item);
  piece.sizeBytes += next.sizeBytes;
}

function merge(items: readonly NodeItem[], changes: readonly TreeChange[]): NodeItem[] {
  const merged: NodeItem[] = [];
  let i = 0;
  for (const { key, value } of changes) {
    while (i < items.length && items[i]!.key.compare(key) < 0) merged.push(items[i++]!);
    if (i < items.length && items[i]!.key.equals(key)) i++;
    if (value !== null) merged.push({ key, body: value });
  }
  while (i < items.length) merged.push(items[i++]!);
  return merged;
}

/** The first change, from this one on, whose key is not below. */
function firstFrom(changes: readonly TreeChange[], key: Buffer, from: number): number {
  let low = from;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (changes[middle]!.key.compare(key) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Above what lies before the item, and not above the item: in a leaf the shortest such key, further up the item's own. */
function lowOf(items: readonly NodeItem[], i: number, level: number): Buffer {
  const right = items[i]!.key;
  if (level > 0) return right;
  const left = items[i - 1]!.key;
  let common = 0;
  while (common < left.length && left[common] === right[common]) common++;
  return right.subarray(0, common + 1);
}
