// How keys in order become a page of a listing: keys and common prefixes that sort after a given string, so many of them, and
// where to go on. Pure; strings compare by their UTF-8 bytes, as S3 lists them.
import { Buffer } from 'node:buffer';

export interface PageRequest {
  readonly prefix: string;
  readonly delimiter: string;
  readonly after: string;
  readonly limit: number;
}

/** The common prefix that the key falls under, or null. */
export function commonPrefixOf(
  key: string,
  { prefix, delimiter }: Pick<PageRequest, 'prefix' | 'delimiter'>,
): string | null {
  if (delimiter === '') return null;
  const end = key.indexOf(delimiter, prefix.length);
  return end < 0 ? null : key.slice(0, end + delimiter.length);
}

export const sortsAfter = (a: string, b: string): boolean => Buffer.compare(Buffer.from(a), Buffer.from(b)) > 0;

export interface CollectedPage<E> {
  readonly entries: readonly E[];
  readonly commonPrefixes: readonly string[];
  readonly next: string | null;
}

/** Takes keys in ascending order, each at most once, until it has enough to know the page. */
export class PageCollector<E> {
  readonly #request: PageRequest;
  readonly #entries: E[] = [];
  readonly #commonPrefixes: string[] = [];
  /** The name of the newest item on the page. */
  #last: string | null = null;
  #hasMore = false;
  #skipping: string | null = null;

  constructor(request: PageRequest) {
    this.#request = request;
  }

  /** One item beyond the limit was seen: the page is complete. */
  get isFull(): boolean {
    return this.#hasMore;
  }

  get missing(): number {
    return this.#request.limit - this.#entries.length - this.#commonPrefixes.length;
  }

  /** The common prefix of the newest key: everything below it may be skipped. null: there is none. */
  get skipping(): string | null {
    return this.#skipping;
  }

  /** name: what this key's item is called as a page's end; it sorts after the request's `after`. */
  add(key: string, name: string, entry: () => E): void {
    const common = commonPrefixOf(key, this.#request);
    if (common !== null && common === this.#skipping) return;
    this.#skipping = common;
    if (common !== null && !sortsAfter(common, this.#request.after)) return;
    if (this.missing === 0) {
      this.#hasMore = true;
      return;
    }
    this.#last = common ?? name;
    if (common === null) this.#entries.push(entry());
    else this.#commonPrefixes.push(common);
  }

  page(): CollectedPage<E> {
    return {
      entries: this.#entries,
      commonPrefixes: this.#commonPrefixes,
      next: this.#hasMore ? this.#last : null,
    };
  }
}
