// How the index opens LMDB, the same in the thread that reads and in the thread that writes.
import { open, type RootDatabase } from 'lmdb';
import type { IndexSpace } from './index-port.ts';

/**
 * Addresses, not memory, and no bytes on the disk. A file that outgrows its map is mapped once more, twice as large, and what was
 * resident of the maps before stays so.
 */
const MAP_BYTES = 16 * 2 ** 30;

export type LmdbEnvironment = RootDatabase<Buffer, Buffer>;

/**
 * Plain bytes for keys and values. No overlapping sync, which would make a transaction visible first and durable later: a
 * transaction is on the disk when its commit returns.
 */
export function openLmdb(directory: string): LmdbEnvironment {
  return open<Buffer, Buffer>({
    path: directory,
    noSubdir: false,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
    mapSize: MAP_BYTES,
    maxReaders: 16,
  });
}

/** What the package's types leave open. */
interface LmdbStats {
  readonly pageSize: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
  readonly lastPageNumber: number;
}

export function spaceOf(environment: LmdbEnvironment): IndexSpace {
  const stats = environment.getStats() as LmdbStats;
  const usedPages = stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
  const sparePages = Math.max(0, stats.lastPageNumber - usedPages);
  return { usedBytes: usedPages * stats.pageSize, spareBytes: sparePages * stats.pageSize };
}
