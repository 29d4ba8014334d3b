// Looks at every entry of an index at rest. Damaged entries show themselves; that entries are missing (because the damage hit
// a page between them and the root) shows in the sum that every checkpoint writes down.
import { decodeCheckpoint } from './checkpoint.ts';
import { CorruptionError } from './drive-store.ts';
import { decodeEntry, entryCrc } from './entry.ts';
import type { Index } from './index-port.ts';
import { ENTRY_SUM_MODULUS } from './index-writer.ts';
import { SHARDS_START, VALUES_END } from './names.ts';

const PAGE_ENTRIES = 1_000;

export interface IndexReport {
  readonly entries: number;
  /** Keys of the index whose entries fail their checksum. */
  readonly damagedKeys: readonly string[];
  /** Every entry that the newest checkpoint knew is there, unchanged. */
  readonly isComplete: boolean;
}

/** The index must not change meanwhile. Throws FormatError when its state record is damaged. */
export function checkIndex(index: Index, driveName: string): IndexReport {
  const state = index.state();
  const expected = state === null ? { entryCount: 0, entrySum: 0 } : decodeCheckpoint(state);
  const damagedKeys: string[] = [];
  let entries = 0;
  let sum = 0;
  for (let from = SHARDS_START; ; ) {
    const page = index.range(from, VALUES_END, PAGE_ENTRIES);
    for (const { key, value } of page) {
      entries++;
      sum = (sum + entryCrc(value)) % ENTRY_SUM_MODULUS;
      if (isDamaged(key, value, driveName)) damagedKeys.push(key);
    }
    if (page.length < PAGE_ENTRIES) break;
    from = `${page.at(-1)!.key}\0`;
  }
  const isComplete = damagedKeys.length === 0 && entries === expected.entryCount && sum === expected.entrySum;
  return { entries, damagedKeys, isComplete };
}

function isDamaged(key: string, value: Buffer, driveName: string): boolean {
  try {
    decodeEntry(key, value, driveName);
    return false;
  } catch (error) {
    if (error instanceof CorruptionError) return true;
    throw error;
  }
}
