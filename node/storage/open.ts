// Entry points of the storage engine of one drive:
//   openDrive(options)     says what a directory is (blank, formatted, refused), and opens it when it is formatted
//   formatDrive(options)   makes a blank directory a drive, durably, and never writes over anything
//   formatAndOpen(options) both, and goes on where an attempt with the same identity was cut short
//   inspectDrive(disk)     the identity only; changes nothing
//   diskIndex(directory)   in index-disk.ts: the index factory of a real drive, with join(drivePath, INDEX_DIRECTORY)
//   fileLock(drivePath)    in drive-lock.ts: keeps other processes away from a real drive
// Recovery on opening: the identity, the index's position in the log, the log from there on.
import { FormatError } from '../format/codec.ts';
import type { Clock } from '../io/clock.ts';
import { type Disk, DiskError } from '../io/disk.ts';
import type { Random } from '../io/random.ts';
import { type CheckpointState, decodeCheckpoint, emptyCheckpoint } from './checkpoint.ts';
import type { LockDrive } from './drive-lock.ts';
import { CorruptionError, type DriveIdentity, type DriveStore } from './drive-store.ts';
import { DEFAULT_TUNING, DriveEngine, type EngineTuning } from './engine.ts';
import {
  checkLogDevice,
  DriveRefusal,
  type RefusalCode,
  readIdentity,
  type StoredIdentity,
  writeIdentity,
} from './identity.ts';
import { INDEX_DAMAGE_REMEDY, type Index, type IndexFactory } from './index-port.ts';
import { INDEX_DIRECTORY } from './names.ts';

export { INDEX_DIRECTORY } from './names.ts';
export type { EngineTuning, IndexFactory, RefusalCode };

export interface OpenDriveOptions {
  readonly disk: Disk;
  /** The log device: only for a drive that was formatted with one. */
  readonly log?: Disk;
  readonly index: IndexFactory;
  /** Taken before anything is changed, held until the store is closed. Real drives need one. */
  readonly lock?: LockDrive;
  readonly clock: Clock;
  readonly random: Random;
  readonly tuning?: Partial<EngineTuning>;
}

export interface RecoveryReport {
  /** Log records that the index did not have yet. */
  readonly records: number;
  readonly bytes: number;
  /** Cut from the end of the log: a write that a crash interrupted. */
  readonly tornBytes: number;
  readonly durationMs: number;
}

export type OpenedDrive =
  | { readonly kind: 'blank' }
  | {
      readonly kind: 'formatted';
      readonly identity: DriveIdentity;
      readonly store: DriveStore;
      readonly recovery: RecoveryReport;
    }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly reason: string };

/** Never rejects for anything that is wrong with the drive: that is a refusal, with a reason to show. */
export async function openDrive(options: OpenDriveOptions): Promise<OpenedDrive> {
  return refusing(async () => {
    const identity = await readIdentity(options.disk);
    if (identity === null) return { kind: 'blank' };
    await checkLogDevice(options.disk, identity, options.log ?? null);
    const unlock = (await options.lock?.()) ?? (() => undefined);
    try {
      return await recover(options, identity, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  });
}

export type InspectedDrive =
  | { readonly kind: 'blank' }
  | { readonly kind: 'formatted'; readonly identity: DriveIdentity }
  | { readonly kind: 'refused'; readonly code: RefusalCode; readonly reason: string };

export async function inspectDrive(disk: Disk): Promise<InspectedDrive> {
  return refusing(async () => {
    const identity = await readIdentity(disk);
    return identity === null ? { kind: 'blank' } : { kind: 'formatted', identity: publicIdentity(identity) };
  });
}

export interface FormatDriveOptions {
  readonly disk: Disk;
  /** An empty directory on another device, for this drive's log alone. */
  readonly log?: Disk;
  readonly identity: DriveIdentity;
  readonly random: Random;
}

/** Rejects with DriveRefusal when there is anything there already, and with DiskError. */
export async function formatDrive({ disk, log, identity, random }: FormatDriveOptions): Promise<void> {
  const logId = log === undefined ? null : random.bytes(16).toString('hex');
  await writeIdentity(disk, log ?? null, { ...identity, logId });
}

/** Rejects with DriveRefusal when the drive is neither blank nor one with this very identity, and with DiskError. */
export async function formatAndOpen(
  options: OpenDriveOptions & { readonly identity: DriveIdentity },
): Promise<DriveStore> {
  const { disk, log, identity, random } = options;
  if ((await readIdentity(disk)) === null) {
    await formatDrive({ disk, identity, random, ...(log === undefined ? {} : { log }) });
  }
  const opened = await openDrive(options);
  if (opened.kind === 'refused') throw new DriveRefusal(opened.code, opened.reason);
  if (opened.kind === 'formatted' && opened.identity.driveId === identity.driveId) return opened.store;
  if (opened.kind === 'formatted') await opened.store.close();
  throw new DriveRefusal('foreign-files', `${disk.name} is formatted already; nothing is written over it`);
}

async function recover(options: OpenDriveOptions, identity: StoredIdentity, unlock: () => void): Promise<OpenedDrive> {
  const { disk, clock, random } = options;
  const startedMs = clock.monotonicMs();
  const logDisk = options.log ?? disk;
  const index = await options.index();
  try {
    await disk.syncDirectory(INDEX_DIRECTORY);
    await disk.syncDirectory('');
    const state = readCheckpoint(index, identity, disk.name);
    const tuning = { ...DEFAULT_TUNING, ...options.tuning };
    const parts = { identity: publicIdentity(identity), disk, logDisk, index, clock, random, tuning, unlock };
    const { engine, recovered } = await DriveEngine.open(parts, state);
    const { frames, bytes, tornBytes } = recovered;
    return {
      kind: 'formatted',
      identity: engine.identity,
      store: engine,
      recovery: { records: frames, bytes, tornBytes, durationMs: clock.monotonicMs() - startedMs },
    };
  } catch (error) {
    await index.close();
    throw error;
  }
}

function readCheckpoint(index: Index, identity: StoredIdentity, driveName: string): CheckpointState {
  const { driveId } = identity;
  const stored = index.state();
  if (stored === null) return emptyCheckpoint(driveId);
  try {
    const state = decodeCheckpoint(stored);
    if (state.driveId === driveId) return state;
    throw new DriveRefusal(
      'index-corrupt',
      `${driveName}: the index is that of drive ${state.driveId}; ${INDEX_DAMAGE_REMEDY}`,
    );
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new DriveRefusal(
      'index-corrupt',
      `${driveName}: the index is damaged (${error.message}); ${INDEX_DAMAGE_REMEDY}`,
    );
  }
}

async function refusing<T>(
  look: () => Promise<T>,
): Promise<T | { kind: 'refused'; code: RefusalCode; reason: string }> {
  try {
    return await look();
  } catch (error) {
    if (error instanceof DriveRefusal) return { kind: 'refused', code: error.code, reason: error.message };
    if (error instanceof DiskError) return { kind: 'refused', code: 'unreadable', reason: error.message };
    // Only the index is read when a drive is opened.
    if (error instanceof CorruptionError) {
      return { kind: 'refused', code: 'index-corrupt', reason: `${error.message}; ${INDEX_DAMAGE_REMEDY}` };
    }
    throw error;
  }
}

function publicIdentity({ clusterId, driveId, slot }: StoredIdentity): DriveIdentity {
  return { clusterId, driveId, slot };
}
