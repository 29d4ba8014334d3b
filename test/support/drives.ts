// Drives for the tests of the storage engine: the same test runs on the real disk with the real index and on the simulated disk with
// the simulated index.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../node/io/clock.ts';
import type { Disk } from '../../node/io/disk.ts';
import { openRealDisk } from '../../node/io/disk-real.ts';
import { systemRandom } from '../../node/io/random.ts';
import { fileLock, type LockDrive } from '../../node/storage/drive-lock.ts';
import type { DriveIdentity } from '../../node/storage/drive-store.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import type { IndexFactory } from '../../node/storage/index-port.ts';
import { INDEX_DIRECTORY } from '../../node/storage/names.ts';
import { formatDrive, type OpenDriveOptions, type OpenedDrive, openDrive } from '../../node/storage/open.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { simIndex } from '../simulation/sim-index.ts';
import { SimRandom } from '../simulation/sim-random.ts';

export const IDENTITY: DriveIdentity = { clusterId: 'c1'.repeat(16), driveId: 'd1'.repeat(16), slot: 'a1/d1' };

/** A place for a drive, which processes come and go on. */
export interface DrivePlace {
  /** A fresh mount for a new process, and the index on it. */
  mount(): Promise<{ disk: Disk; index: IndexFactory; lock?: LockDrive }>;
  /** The process is gone; what it had open is closed by the system. */
  release(): Promise<void>;
}

export async function realPlace(): Promise<DrivePlace> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-drive-'));
  return {
    mount: async () => ({
      disk: await openRealDisk(directory),
      index: diskIndex(join(directory, INDEX_DIRECTORY)),
      lock: fileLock(directory),
    }),
    release: () => rm(directory, { recursive: true, force: true }),
  };
}

export async function simulatedPlace(): Promise<DrivePlace> {
  return placeOn(new SimDisk({ name: 'a1/d1', random: new SimRandom(1) }));
}

export function placeOn(sim: SimDisk): DrivePlace {
  return {
    mount: async () => {
      const disk = sim.mount();
      return { disk, index: simIndex(disk) };
    },
    release: async () => undefined,
  };
}

export type OpenOptions = Partial<Omit<OpenDriveOptions, 'disk' | 'index'>>;

export async function open(place: DrivePlace, options: OpenOptions = {}): Promise<OpenedDrive> {
  return openDrive({ ...(await place.mount()), clock: systemClock(), random: systemRandom(), ...options });
}

export async function format(place: DrivePlace, log?: Disk): Promise<void> {
  const { disk } = await place.mount();
  await formatDrive({ disk, identity: IDENTITY, random: systemRandom(), ...(log && { log }) });
}

export type FormattedDrive = Extract<OpenedDrive, { kind: 'formatted' }>;

export async function openFormatted(place: DrivePlace, options: OpenOptions = {}): Promise<FormattedDrive> {
  const opened = await open(place, options);
  if (opened.kind !== 'formatted') throw new Error(`the drive is ${JSON.stringify(opened)}`);
  return opened;
}
