// Which pages of an index file are free. What a transaction replaces is free for the next one, not for itself: until its head is
// durable, the tree before it is the one that counts. Kept nowhere: free is what the tree does not use.
import { HEAD_PAGES } from './index-head.ts';
import type { NodeReference } from './index-node.ts';

interface Extent {
  readonly page: number;
  readonly pages: number;
}

export class FreeSpace {
  readonly #free: readonly Extent[];
  readonly #endPage: number;

  constructor(free: readonly Extent[], endPage: number) {
    this.#free = free;
    this.#endPage = endPage;
  }

  /** Everything before endPage that none of these nodes takes. */
  static besides(nodes: readonly NodeReference[], endPage: number): FreeSpace {
    const free: Extent[] = [];
    let page = HEAD_PAGES;
    for (const node of [...nodes].sort((a, b) => a.page - b.page)) {
      if (node.page > page) free.push({ page, pages: node.page - page });
      page = Math.max(page, node.page + node.pages);
    }
    if (endPage > page) free.push({ page, pages: endPage - page });
    return new FreeSpace(free, Math.max(endPage, page));
  }

  begin(): SpaceChange {
    return new SpaceChange(this.#free, this.#endPage);
  }
}

/** What one transaction takes and gives back. */
export class SpaceChange {
  /** The first is taken last. */
  readonly #free: Extent[];
  readonly #given: Extent[] = [];
  #endPage: number;
  #usedPages = 0;

  constructor(free: readonly Extent[], endPage: number) {
    this.#free = [...free].reverse();
    this.#endPage = endPage;
  }

  get endPage(): number {
    return this.#endPage;
  }

  /** Taken less given back. */
  get usedPages(): number {
    return this.#usedPages;
  }

  take(pages: number): number {
    this.#usedPages += pages;
    for (let i = this.#free.length - 1; i >= 0; i--) {
      const extent = this.#free[i]!;
      if (extent.pages < pages) continue;
      if (extent.pages === pages) this.#free.splice(i, 1);
      else this.#free[i] = { page: extent.page + pages, pages: extent.pages - pages };
      return extent.page;
    }
    const page = this.#endPage;
    this.#endPage += pages;
    return page;
  }

  give({ page, pages }: NodeReference): void {
    this.#usedPages -= pages;
    this.#given.push({ page, pages });
  }

  /** As it is for the next transaction. */
  result(): FreeSpace {
    const merged: Extent[] = [];
    for (const extent of [...this.#free, ...this.#given].sort((a, b) => a.page - b.page)) {
      const last = merged.at(-1);
      if (last === undefined || last.page + last.pages !== extent.page) merged.push(extent);
      else merged[merged.length - 1] = { page: last.page, pages: last.pages + extent.pages };
    }
    return new FreeSpace(merged, this.#endPage);
  }
}
