// The drives of a local cluster as directories, and what a drill does to them. The files themselves say in which condition a
// drive is; there is no second record that could disagree.
//
// How a dead drive is simulated: without root no file system can be made to fail, and a process that has files open goes on
// using them wherever they are moved. So the node is killed (a drive gives no notice either), the drive's directory is set
// aside, a plain file is put in its place, and the node is started again: every access to the drive then fails (ENOTDIR), as
// it does on a dead disk (EIO). A missing directory would look like a blank drive, which is another accident.
import { existsSync, lstatSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { IDENTITY_FILE } from '../../node/storage/names.ts';
import { directoryLayout, type LocalCluster } from './data-directory.ts';

/** present: formatted. blank: not, or no longer. dead: made unusable by a drill, its data set aside (or wiped). */
export type DriveCondition = 'present' | 'blank' | 'dead' | 'dead and wiped';

export function driveCondition(cluster: LocalCluster, slot: string): DriveCondition {
  const layout = directoryLayout(cluster.directory);
  const [drive, setAside] = [layout.drive(slot), layout.removedDrive(slot)];
  if (isFile(drive) && existsSync(setAside)) return isFormatted(setAside) ? 'dead' : 'dead and wiped';
  return isFormatted(drive) ? 'present' : 'blank';
}

/** The node of the drive must not run. */
export function makeDead(cluster: LocalCluster, slot: string): void {
  const layout = directoryLayout(cluster.directory);
  const [drive, setAside] = [layout.drive(slot), layout.removedDrive(slot)];
  mkdirSync(drive, { recursive: true });
  mkdirSync(dirname(setAside), { recursive: true });
  renameSync(drive, setAside);
  writeFileSync(drive, `A drill made this drive unusable. "ashlar drill revive drive ${slot}" brings it back.\n`);
}

/** Undoes makeDead. The node of the drive must not run. */
export function bringBack(cluster: LocalCluster, slot: string): void {
  const layout = directoryLayout(cluster.directory);
  rmSync(layout.drive(slot), { force: true });
  renameSync(layout.removedDrive(slot), layout.drive(slot));
}

/** Deletes everything on the drive, dead or not. The node of the drive must not run, unless the drive is dead. */
export function wipeDriveFiles(cluster: LocalCluster, slot: string): void {
  const layout = directoryLayout(cluster.directory);
  const condition = driveCondition(cluster, slot);
  const directory = condition === 'present' || condition === 'blank' ? layout.drive(slot) : layout.removedDrive(slot);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
}

/** Deletes the node's write-ahead log, when it has one apart from its drives. The node must not run. */
export function wipeLogFiles(cluster: LocalCluster, node: string): void {
  if (cluster.state.spec.nodes.find(({ name }) => name === node)?.wal == null) return;
  const directory = directoryLayout(cluster.directory).wal(node);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
}

function isFile(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isFormatted(directory: string): boolean {
  return existsSync(join(directory, IDENTITY_FILE));
}
