// The tree of an index does what a map does, whatever keys and values it is given, and whichever come and go together: in memory,
// without a disk. That it survives rot and power cuts is shown elsewhere, on real files.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  NODE_CAPACITY_BYTES,
  type NodeItem,
  type NodeReference,
  NodeView,
  referenceTo,
} from '../../node/storage/index-node.ts';
import { FreeSpace, type SpaceChange } from '../../node/storage/index-space.ts';
import { type NodeStore, type Root, updateTree } from '../../node/storage/index-update.ts';

/** Pages in memory. What a transaction gives back may only be used by the next one. */
class Memory {
  root: Root = { root: null, level: 0 };
  usedPages = 0;
  endPage = 2;
  #space = new FreeSpace([], 2);
  readonly #nodes = new Map<number, Buffer>();

  apply(changes: ReadonlyMap<string, Buffer | null>): void {
    const sorted = [...changes]
      .map(([key, value]) => ({ key: Buffer.from(key, 'latin1'), value }))
      .sort((a, b) => a.key.compare(b.key));
    const space = this.#space.begin();
    this.root = updateTree(this.root, sorted, this.#store(space));
    this.usedPages += space.usedPages;
    this.endPage = space.endPage;
    this.#space = space.result();
  }

  view(reference: NodeReference, level: number): NodeView {
    const node = this.#nodes.get(reference.page)!;
    expect(referenceTo(reference.page, node)).toEqual(reference);
    return new NodeView(node, level);
  }

  #store(space: SpaceChange): NodeStore {
    return {
      load: (reference: NodeReference, level: number): NodeItem[] => this.view(reference, level).items(),
      store: (node: Buffer): NodeReference => {
        const reference = referenceTo(space.take(node.length / 4096), node);
        this.#nodes.set(reference.page, node);
        return reference;
      },
      drop: (reference: NodeReference) => space.give(reference),
    };
  }

  get(key: string): Buffer | null {
    const wanted = Buffer.from(key, 'latin1');
    let { root, level } = this.root;
    for (; root !== null && level > 0; level--) {
      const node: NodeView = this.view(root, level);
      root = node.child(node.childFor(wanted));
    }
    if (root === null) return null;
    const leaf = this.view(root, 0);
    const i = leaf.find(wanted);
    return i < leaf.count && leaf.compare(i, wanted) === 0 ? leaf.body(i) : null;
  }

  /** Everything in it, and that it is a tree: keys between those that separate, no page twice, none lost. */
  content(): [string, Buffer][] {
    const found: [string, Buffer][] = [];
    const pages = new Set<number>();
    const visit = (reference: NodeReference, level: number, low: string, high: string | null): void => {
      for (let page = reference.page; page < reference.page + reference.pages; page++) {
        expect(pages.has(page)).toBe(false);
        pages.add(page);
      }
      const items = this.view(reference, level).items();
      expect(items.length).toBeGreaterThan(0);
      for (const [i, { key, body }] of items.entries()) {
        const own = key.toString('latin1');
        const next = items[i + 1]?.key.toString('latin1') ?? high;
        expect(next === null || own < next).toBe(true);
        if (level > 0) visit(this.view(reference, level).child(i), level - 1, i === 0 ? low : own, next);
        else {
          expect(own >= low && (high === null || own < high)).toBe(true);
          found.push([own, body]);
        }
      }
    };
    const { root, level } = this.root;
    if (root !== null) visit(root, level, '', null);
    expect(pages.size).toBe(this.usedPages);
    return found;
  }
}

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array).toString('latin1'));
/** Few different keys, so that they come and go; some long, so that few of them fill a node and the tree gets high. */
const key = fc.oneof(
  { weight: 4, arbitrary: fc.nat(400).map((i) => `v${i}`) },
  { weight: 4, arbitrary: fc.nat(60).map((i) => `${'k'.repeat(900)}${i}`) },
  { weight: 1, arbitrary: bytes(3) },
);
const value = fc.oneof(
  { weight: 6, arbitrary: fc.nat(300) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1_000, NODE_CAPACITY_BYTES, 70_000) },
);
const put = fc.tuple(key, value, fc.nat(255)).map(([k, size, fill]) => [k, Buffer.alloc(size, fill)] as const);
const removal = key.map((k) => [k, null] as const);
const transaction = fc.oneof(
  fc.array(put, { maxLength: 150, size: 'max' }),
  fc.array(fc.oneof(put, removal), { maxLength: 30, size: 'max' }),
  fc.array(removal, { maxLength: 200, size: 'max' }),
  fc.constant('everything goes' as const),
);

describe("the index's tree", () => {
  it('holds what a map holds, in order, on pages that it alone uses', () => {
    fc.assert(
      fc.property(fc.array(transaction, { minLength: 1, maxLength: 12, size: 'max' }), (transactions) => {
        const tree = new Memory();
        const model = new Map<string, Buffer>();
        for (const entries of transactions) {
          const changes = new Map<string, Buffer | null>(
            entries === 'everything goes' ? [...model.keys()].map((k) => [k, null]) : entries,
          );
          tree.apply(changes);
          for (const [k, v] of changes) {
            if (v === null) model.delete(k);
            else model.set(k, v);
          }
          const expected = [...model].sort(([a], [b]) => (a < b ? -1 : 1));
          const content = tree.content();
          expect(content.map(([k]) => k)).toEqual(expected.map(([k]) => k));
          expect(content.every(([k, v]) => v.equals(model.get(k)!))).toBe(true);
          for (const k of changes.keys())
            expect(tree.get(k)?.equals(model.get(k)!) ?? null).toBe(model.has(k) ? true : null);
        }
      }),
      { numRuns: 60 },
    );
  });

  it('does not grow for ever while the same entries change', () => {
    const tree = new Memory();
    for (let round = 0; round < 60; round++) {
      tree.apply(
        new Map(Array.from({ length: 200 }, (_, i) => [`v${(i * 7 + round) % 900}`, Buffer.alloc(100, round)])),
      );
    }
    expect(tree.endPage).toBeLessThan(3.5 * tree.usedPages);
  });
});
