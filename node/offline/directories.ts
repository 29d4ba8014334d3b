// From directories that a person named to bare drives: which of them are drives, which are log devices, and which log belongs
// to which drive. Takes the readers' lock of every drive, so that no node starts on it meanwhile.
import { join } from 'node:path';
import { type Disk, DiskError } from '../io/disk.ts';
import { openRealDisk } from '../io/disk-real.ts';
import { type BareDrive, openBareDrive } from '../storage/bare-drive.ts';
import { readersLock } from '../storage/drive-lock.ts';
import { DriveRefusal, readLogIdentity } from '../storage/identity.ts';
import { openIndexFile } from '../storage/index-file.ts';
import { INDEX_DIRECTORY } from '../storage/open.ts';
import { OfflineError } from './offline-error.ts';

/** Rejects with OfflineError 'input' when one of them is no drive, or is in use; then none stays open. */
export async function openDirectories(paths: readonly string[]): Promise<BareDrive[]> {
  const { drives, logs } = await sorted(paths);
  if (drives.length === 0)
    throw new OfflineError('input', `${paths.join(', ')}: log devices only; name their drives, too`);
  const opened: BareDrive[] = [];
  try {
    for (const disk of drives) opened.push(await openDirectory(disk, logs));
    refuseStrangers(opened);
    return opened;
  } catch (error) {
    await closeAll(opened);
    throw asInput(error);
  }
}

export type { BareDrive } from '../storage/bare-drive.ts';

export async function closeAll(drives: readonly BareDrive[]): Promise<void> {
  await Promise.all(drives.map((drive) => drive.close()));
}

interface LogDevice {
  readonly disk: Disk;
  readonly driveId: string;
}

async function sorted(paths: readonly string[]): Promise<{ drives: Disk[]; logs: LogDevice[] }> {
  const drives: Disk[] = [];
  const logs: LogDevice[] = [];
  const seen = new Set<string>();
  try {
    for (const path of paths) {
      const disk = await openRealDisk(path);
      if (seen.has(disk.name)) continue;
      seen.add(disk.name);
      const log = await readLogIdentity(disk);
      if (log === null) drives.push(disk);
      else logs.push({ disk, driveId: log.driveId });
    }
  } catch (error) {
    throw asInput(error);
  }
  return { drives, logs };
}

async function openDirectory(disk: Disk, logs: readonly LogDevice[]): Promise<BareDrive> {
  return openBareDrive({
    disk,
    logOf: (driveId) => logs.find((log) => log.driveId === driveId)?.disk ?? null,
    index: () => openIndexFile(join(disk.name, INDEX_DIRECTORY)),
    lock: readersLock(disk.name),
  });
}

function refuseStrangers(drives: readonly BareDrive[]): void {
  const [first, ...others] = drives.filter(({ identity }) => identity.clusterId !== '');
  for (const other of others) {
    if (other.identity.clusterId === first!.identity.clusterId) continue;
    throw new OfflineError(
      'input',
      `${first!.name} is a drive of cluster ${first!.identity.clusterId}, ${other.name} of ${other.identity.clusterId}; ` +
        'name drives of one cluster only',
    );
  }
}

function asInput(error: unknown): unknown {
  const isInput = error instanceof DriveRefusal || error instanceof DiskError;
  return isInput ? new OfflineError('input', error.message, { cause: error }) : error;
}
