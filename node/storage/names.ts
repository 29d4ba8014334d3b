// Names on a drive: files and directories, and the keys of the index. Everything else in the directory is foreign.
import type { ShardName, StoreKey } from './drive-store.ts';

export const IDENTITY_FILE = 'identity';
/** Written first and renamed; a crash while formatting may leave it behind, and it means nothing. */
export const IDENTITY_DRAFT_FILE = 'identity.new';
export const LOCK_FILE = 'lock';
/** SQLite's, beside the lock file. */
const LOCK_JOURNAL_FILE = 'lock-journal';
export const LOG_DIRECTORY = 'log';
export const SEGMENT_DIRECTORY = 'segments';
export const SHARD_DIRECTORY = 'shards';
export const INDEX_DIRECTORY = 'index';

/** What a drive may hold before it is formatted: nothing of value. */
export const HARMLESS_NAMES: readonly string[] = ['lost+found', IDENTITY_DRAFT_FILE, LOCK_FILE, LOCK_JOURNAL_FILE];

const RECORD_FILE = /^([0-9a-f]{12})\.log$/;
const SHARD_FILE = /^([0-9a-f]{32})-([0-9a-f]{2})-([0-9a-f]{16})$/;

/** Log files and segments are numbered from one sequence; sorted by name they are sorted by age. */
export const recordFileName = (number: number): string => `${number.toString(16).padStart(12, '0')}.log`;

export function parseRecordFileName(name: string): number | null {
  const match = RECORD_FILE.exec(name);
  return match === null ? null : Number.parseInt(match[1]!, 16);
}

/** generation: 16 hexadecimal digits, fresh for every file, so that a replacement never touches what it replaces. */
export const shardDirectory = (blobId: string): string => `${SHARD_DIRECTORY}/${blobId.slice(0, 2)}`;
export const shardPath = (name: ShardName, generation: string): string =>
  `${shardDirectory(name.blobId)}/${name.blobId}-${name.position.toString(16).padStart(2, '0')}-${generation}`;

export function parseShardFileName(fileName: string): { name: ShardName; generation: string } | null {
  const match = SHARD_FILE.exec(fileName);
  if (match === null) return null;
  return { name: { blobId: match[1]!, position: Number.parseInt(match[2]!, 16) }, generation: match[3]! };
}

/** The index holds three kinds of keys: the caller's own, one for each shard, and one for each file with data in use. */
const VALUE_PREFIX = 'v';
const SHARD_PREFIX = 's';
const LIVE_BYTES_PREFIX = 'l';
/** After every key of its kind; as the upper end of a range. */
export const VALUES_END = 'w';
export const SHARDS_START = SHARD_PREFIX;
export const SHARDS_END = 't';
export const LIVE_BYTES_START = LIVE_BYTES_PREFIX;
export const LIVE_BYTES_END = 'm';

export const KEY_UNITS_MAX = 1200;

export const valueKey = (key: StoreKey): string => VALUE_PREFIX + key;
export const parseValueKey = (indexKey: string): StoreKey => indexKey.slice(1);
export const isShardKey = (indexKey: string): boolean => indexKey.startsWith(SHARD_PREFIX);
export const shardKey = (name: ShardName): string =>
  SHARD_PREFIX + Buffer.from(name.blobId, 'hex').toString('latin1') + String.fromCharCode(name.position);
export const parseShardKey = (indexKey: string): ShardName => ({
  blobId: Buffer.from(indexKey.slice(1, 17), 'latin1').toString('hex'),
  position: indexKey.charCodeAt(17),
});

export const liveBytesKey = (file: number): string => LIVE_BYTES_PREFIX + file.toString(16).padStart(12, '0');
export const parseLiveBytesKey = (indexKey: string): number => Number.parseInt(indexKey.slice(1), 16);

export function assertKey(key: StoreKey): void {
  if (key.length > KEY_UNITS_MAX) throw new RangeError(`a key of ${key.length} bytes; at most ${KEY_UNITS_MAX} fit`);
  for (let i = 0; i < key.length; i++) {
    if (key.charCodeAt(i) > 0xff) throw new RangeError('a key is a byte string: its code units are 0-255');
  }
}

export function assertShardName(name: ShardName): void {
  if (!/^[0-9a-f]{32}$/.test(name.blobId)) throw new RangeError(`"${name.blobId}" is not a blob id`);
  if (!Number.isInteger(name.position) || name.position < 0 || name.position > 0xff) {
    throw new RangeError(`${name.position} is not a shard position`);
  }
}
