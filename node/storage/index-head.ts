// The two heads of an index file, in its first two pages, which take turns: a transaction writes one when everything that the
// head names is synced. The newer whole one says what the index holds.
import { FormatError, format, optional, struct, u8, u16, u32, u53 } from '../format/codec.ts';
import { INDEX_PAGE_BYTES, type NodeReference } from './index-node.ts';
import type { IndexSpace } from './index-port.ts';
import { seal, unseal } from './sealed.ts';

/** In the directory of the index. */
export const INDEX_FILE = 'tree';
/** Of the state record: below every key of an entry. */
export const STATE_KEY = '\0';
/** Nodes begin behind the heads. */
export const HEAD_PAGES = 2;
const HEAD_MAGIC = 'ASHLRIDX';

export const NODE_REFERENCE = struct('node reference', {
  page: [u53, 'number of the first page of the node'],
  pages: [u16, 'how many pages it takes'],
  crc: [u32, 'CRC-32 of these pages'],
});

export const INDEX_HEAD = format('index head', 1, {
  transaction: [u53, 'one more than that of the other head'],
  root: [optional(NODE_REFERENCE), 'the node from which all others are found; absent in an empty index'],
  level: [u8, 'of the root; 0 for a leaf'],
  usedPages: [u53, 'pages that nodes take'],
  endPage: [u53, 'the first page that was never used'],
});

export interface IndexHead {
  readonly transaction: number;
  readonly root: NodeReference | null;
  readonly level: number;
  readonly usedPages: number;
  readonly endPage: number;
}

/** Of a file into which nothing was ever written. */
const EMPTY_HEAD: IndexHead = { transaction: 0, root: null, level: 0, usedPages: 0, endPage: HEAD_PAGES };

export const headOffset = ({ transaction }: IndexHead): number => (transaction % HEAD_PAGES) * INDEX_PAGE_BYTES;

/** A whole page. */
export function encodeHead(head: IndexHead): Buffer {
  const page = Buffer.alloc(INDEX_PAGE_BYTES);
  page.set(seal(HEAD_MAGIC, INDEX_HEAD.encode(head)));
  return page;
}

export function spaceOf({ usedPages, endPage }: IndexHead): IndexSpace {
  const usedBytes = usedPages * INDEX_PAGE_BYTES;
  return { usedBytes, spareBytes: endPage * INDEX_PAGE_BYTES - usedBytes };
}

export interface FoundHeads {
  /** null: neither is whole, though something was written there. */
  readonly newest: IndexHead | null;
  /** A head that was never written is no damage. */
  readonly damage: readonly string[];
}

/**
 * start: the first two pages, or what there is of them. A head that has rotted leaves the one before it, whose nodes are all
 * still there: whether the log reaches back to it is for the recovery to see.
 */
export function findHeads(start: Buffer): FoundHeads {
  const heads: IndexHead[] = [];
  const damage: string[] = [];
  for (let slot = 0; slot < HEAD_PAGES; slot++) {
    const page = start.subarray(slot * INDEX_PAGE_BYTES, (slot + 1) * INDEX_PAGE_BYTES);
    if (page.every((byte) => byte === 0)) continue;
    try {
      heads.push(INDEX_HEAD.decode(unseal(HEAD_MAGIC, page)));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      damage.push(`head ${slot}: ${error.message}`);
    }
  }
  const [newest] = heads.sort((a, b) => b.transaction - a.transaction);
  return { newest: newest ?? (damage.length === 0 ? EMPTY_HEAD : null), damage };
}
