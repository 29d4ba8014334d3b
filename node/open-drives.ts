// Opens this node's drives where they really are: directories of the file system, with the index in a file and, where the
// operator names one, a log directory on another device. A directory that cannot be used is reported, never repaired.
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { LocalDrive } from './cluster/local-drives.ts';
import type { Clock } from './io/clock.ts';
import { type Disk, DiskError } from './io/disk.ts';
import { openRealDisk } from './io/disk-real.ts';
import type { Log } from './io/log.ts';
import type { Random } from './io/random.ts';
import { fileLock } from './storage/drive-lock.ts';
import { diskIndex } from './storage/index-disk.ts';
import { formatAndOpen, INDEX_DIRECTORY, openDrive } from './storage/open.ts';

export interface DriveDirectory {
  /** "node/drive" */
  readonly slot: string;
  /** Absolute path of an existing directory: a missing one may be a mount that failed, so it is not made. */
  readonly path: string;
  /** Where the logs of all drives of this node lie, each in a directory of its own; null: on the drive itself. */
  readonly walPath: string | null;
}

export interface OpeningPorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export function openLocalDrives(directories: readonly DriveDirectory[], ports: OpeningPorts): Promise<LocalDrive[]> {
  return Promise.all(directories.map((directory) => openLocalDrive(directory, ports)));
}

async function openLocalDrive(directory: DriveDirectory, ports: OpeningPorts): Promise<LocalDrive> {
  const { slot, path } = directory;
  try {
    const disk = await openRealDisk(path);
    for (const used of [path, ...(directory.walPath === null ? [] : [directory.walPath])]) {
      const obstacle = await whyNotWritable(used);
      if (obstacle !== null) return { kind: 'refused', slot, reason: `drive ${slot}: ${obstacle}` };
    }
    const log = directory.walPath === null ? undefined : await openLogDirectory(directory.walPath, slot);
    return await open(slot, disk, log, ports);
  } catch (error) {
    if (error instanceof DiskError)
      return { kind: 'refused', slot, reason: `drive ${slot}: ${error.message}${remedy(error, path)}` };
    throw error;
  }
}

async function open(slot: string, disk: Disk, log: Disk | undefined, ports: OpeningPorts): Promise<LocalDrive> {
  const index = diskIndex(join(disk.name, INDEX_DIRECTORY));
  const { clock, random } = ports;
  const lock = fileLock(disk.name);
  const options = { disk, index, lock, clock, random, ...(log === undefined ? {} : { log }) };
  const opened = await openDrive(options);
  if (opened.kind === 'refused') return { kind: 'refused', slot, reason: `drive ${slot}: ${opened.reason}` };
  if (opened.kind === 'formatted') {
    if (opened.identity.slot !== slot) {
      await opened.store.close();
      const reason = `drive ${slot}: ${disk.name} holds drive ${opened.identity.slot}; put the drives back where they belong`;
      return { kind: 'refused', slot, reason };
    }
    ports.log.info('opened a drive', { slot, ...opened.recovery });
    return { kind: 'open', slot, store: opened.store };
  }
  return {
    kind: 'blank',
    slot,
    format: async (identity) => {
      const store = await formatAndOpen({ ...options, identity });
      ports.log.info('formatted a drive', { slot, driveId: identity.driveId, path: disk.name });
      return store;
    },
  };
}

/** Null when this process may write there; else what is in the way and what to do, because containers run as another user. */
export async function whyNotWritable(path: string): Promise<string | null> {
  try {
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    return null;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EROFS') return `${path} is on a read-only file system; mount it so that it can be written`;
    if (code !== 'EACCES') return null;
    const [user, group] = [process.getuid?.(), process.getgid?.()];
    const { uid, mode } = await stat(path);
    const found = `it belongs to user ${uid} and has mode ${(mode & 0o7777).toString(8)}`;
    return `${path} is not writable for user ${user}, as which the node runs (${found}); on its host run: chown -R ${user}:${group} on that directory`;
  }
}

/** The log device must be there; the directory of one drive on it is made when it is not. */
async function openLogDirectory(walPath: string, slot: string): Promise<Disk> {
  await openRealDisk(walPath);
  const path = join(walPath, slot.slice(slot.indexOf('/') + 1));
  await mkdir(path, { recursive: true, mode: 0o700 });
  return openRealDisk(path);
}

function remedy(error: DiskError, path: string): string {
  if (error.kind === 'not-found') return `; mount the drive, or make the directory ${path}`;
  if (error.kind === 'not-a-directory') return `; ${path} must be an empty directory, or one that this node formatted`;
  return '';
}
