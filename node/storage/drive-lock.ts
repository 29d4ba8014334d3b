// One process per drive. Node offers no file locks, but the SQLite inside it takes them: an exclusive transaction on an
// otherwise empty database holds a record lock of the operating system, which a killed process cannot leave behind.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DriveRefusal } from './identity.ts';
import { LOCK_FILE } from './names.ts';

/** Gives what releases the lock. Rejects with DriveRefusal 'in-use' when another process, or this one, has the drive open. */
export type LockDrive = () => Promise<() => void>;

const SQLITE_BUSY = 5;

/** directory: of the drive, on a local file system. */
export function fileLock(directory: string): LockDrive {
  return async () => {
    let database: DatabaseSync | null = null;
    try {
      database = new DatabaseSync(join(directory, LOCK_FILE), { timeout: 0 });
      database.exec('BEGIN EXCLUSIVE');
    } catch (error) {
      database?.close();
      const isBusy = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
      throw isBusy
        ? new DriveRefusal('in-use', `${directory} is in use by another process; one process may have a drive open`)
        : new DriveRefusal('unreadable', `${directory} cannot be locked: ${String(error)}`, { cause: error });
    }
    const held = database;
    return () => held.close();
  };
}
