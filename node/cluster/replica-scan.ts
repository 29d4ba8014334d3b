// Which registers a replica has in a range of keys, as the heads of their records tell; values are read only where a head
// does not say all that is asked.
import { type Version, ZERO_BALLOT } from '../core/ballot.ts';
import type { RegisterKey } from '../core/keys.ts';
import type { RegisterRecord, ScanEntry } from '../format/register-formats.ts';
import { CorruptionError, type DriveStore } from '../storage/drive-store.ts';
import { readHead } from './register-head.ts';
import type { Summarize } from './registers.ts';

/** One call looks at so many registers, however few of them are wanted: it does so in one turn of the event loop. */
const LOOKS_MAX = 2_000;
const STEP_MIN = 64;
/** Of a record that cannot be read any more, to those who read: below all others, so that they ask the others. */
const UNREADABLE: Version = { ballot: ZERO_BALLOT, sequence: 0 };
const NOTHING = new Uint8Array();

export interface ScanOptions {
  /** Of registers that are given, not of those that are looked at. */
  readonly limit: number;
  /** Otherwise summaries are empty. */
  readonly detail: boolean;
  readonly isWanted: (key: RegisterKey) => boolean;
}

export interface ScannedReplica {
  readonly drive: Pick<DriveStore, 'heads'>;
  /** Rejects with CorruptionError, having told of it. */
  readonly readRecord: (key: RegisterKey) => Promise<RegisterRecord | null>;
  readonly summarize: Summarize;
  readonly onCorrupt: (key: RegisterKey) => void;
}

/** As Acceptor.scan. */
export async function scanReplica(
  replica: ScannedReplica,
  from: RegisterKey,
  to: RegisterKey,
  { limit, detail, isWanted }: ScanOptions,
): Promise<{ registers: ScanEntry[]; next: RegisterKey | null }> {
  const end = to === '' ? 'S' : `R${to}`;
  const registers: ScanEntry[] = [];
  let start = from;
  for (let looks = 0; looks < LOOKS_MAX; ) {
    const step = Math.min(Math.max(limit - registers.length, STEP_MIN), LOOKS_MAX - looks);
    const heads = await replica.drive.heads(`R${start}`, end, step);
    for (const { key: storeKey, head } of heads) {
      const key = storeKey.slice(1);
      if (registers.length >= limit) return { registers, next: key };
      if (!isWanted(key)) continue;
      const entry = await scanned(replica, key, head, detail);
      if (entry !== null) registers.push(entry);
    }
    if (heads.length < step) return { registers, next: null };
    looks += heads.length;
    start = `${heads.at(-1)!.key.slice(1)}\0`;
    if (registers.length >= limit) break;
  }
  return { registers, next: start };
}

/** null: it is gone meanwhile. */
async function scanned(
  { readRecord, summarize, onCorrupt }: ScannedReplica,
  key: RegisterKey,
  stored: Uint8Array | null,
  detail: boolean,
): Promise<ScanEntry | null> {
  const head = readHead(stored);
  if (head === null) {
    onCorrupt(key);
    return { key, version: UNREADABLE, live: false, summary: NOTHING };
  }
  const { version, live, summary } = head;
  if (!detail) return { key, version, live, summary: NOTHING };
  if (summary !== null) return { key, version, live, summary };
  try {
    const record = await readRecord(key);
    if (record === null) return null;
    const { value } = record;
    const made = value.live ? summarize(key, value.payload) : NOTHING;
    return { key, version: record.version, live: value.live, summary: made };
  } catch (error) {
    if (!(error instanceof CorruptionError)) throw error;
    return { key, version: UNREADABLE, live: false, summary: NOTHING };
  }
}
