// Checks every byte of a drive at rest: what its index and log name is there, whole and unchanged.
import { DiskError } from '../io/disk.ts';
import { type BareDrive, type Finding, MissingDataError } from './bare-drive.ts';
import { CorruptionError } from './drive-store.ts';
import { type Entry, entrySizeBytes, printableKey } from './entry.ts';
import { isShardKey, parseShardKey, SHARDS_START, shardPath, VALUES_END } from './names.ts';

const READ_BYTES = 2 ** 20;
const PAGE_ENTRIES = 512;

export interface DriveCheck {
  readonly values: number;
  readonly valueBytes: number;
  readonly shards: number;
  readonly shardBytes: number;
  /** What was wrong on opening, and what is wrong with the data. */
  readonly findings: readonly Finding[];
  /** Files that nothing names: harmless, removed at the next start. */
  readonly strayFiles: readonly string[];
}

export async function checkDrive(drive: BareDrive): Promise<DriveCheck> {
  const findings = [...drive.findings];
  const counts = { values: 0, valueBytes: 0, shards: 0, shardBytes: 0 };
  let page: [string, Entry][] = [];
  const checkPage = async () => {
    const data = await drive.readEntries(page);
    for (const [i, [key, entry]] of page.entries()) {
      const found = data[i]!;
      if (found instanceof CorruptionError) findings.push(findingOf(key, entry, found));
    }
    page = [];
  };
  for (const [key, entry] of drive.entries(SHARDS_START, VALUES_END)) {
    const isShard = isShardKey(key);
    counts[isShard ? 'shards' : 'values']++;
    counts[isShard ? 'shardBytes' : 'valueBytes'] += entrySizeBytes(entry);
    if (entry.file !== null) {
      const problem = await checkShardFile(drive, key, entry);
      if (problem !== null) findings.push(problem);
    } else if (page.push([key, entry]) === PAGE_ENTRIES) {
      await checkPage();
    }
  }
  await checkPage();
  return { ...counts, findings, strayFiles: await drive.strayFiles() };
}

/** The first thing that is wrong with it. */
async function checkShardFile(drive: BareDrive, key: string, entry: Entry): Promise<Finding | null> {
  try {
    let at = 0;
    // At least once, for the header and the footer.
    do {
      at += (await drive.readEntry(key, entry, at, READ_BYTES)).length;
    } while (at < entry.file!.sizeBytes);
    return null;
  } catch (error) {
    if (error instanceof CorruptionError || error instanceof DiskError) return findingOf(key, entry, error);
    throw error;
  }
}

function findingOf(key: string, entry: Entry, error: CorruptionError | DiskError): Finding {
  const isUnread = error instanceof DiskError || error.cause instanceof DiskError;
  const kind = error instanceof MissingDataError ? 'missing' : isUnread ? 'unreadable' : 'corrupt';
  return { kind, message: `${nameOf(key, entry)}: ${error.message}` };
}

function nameOf(key: string, entry: Entry): string {
  if (!isShardKey(key)) return `value ${printableKey(key.slice(1))}`;
  const name = parseShardKey(key);
  const path = entry.file === null ? '' : ` (${shardPath(name, entry.file.generation)})`;
  return `shard ${name.position} of blob ${name.blobId}${path}`;
}
