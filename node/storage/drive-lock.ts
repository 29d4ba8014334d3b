// One process per drive. Node offers no file locks, but the SQLite inside it takes them: an exclusive transaction on an
// otherwise empty database holds a record lock of the operating system, which a killed process cannot leave behind.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { DriveRefusal } from './identity.ts';
import { LOCK_FILE } from './names.ts';

/** Gives what releases the lock. Rejects with DriveRefusal 'in-use' when another process, or this one, has the drive open. */
export type LockDrive = () => Promise<() => void>;

const SQLITE_BUSY = 5;

/**
 * Keeps nodes away while a drive is only read, and is refused when a node has it. Writes nothing: a drive without a lock file
 * was never opened, and on one that cannot be written no node runs.
 */
export function readersLock(directory: string): LockDrive {
  return async () => {
    const path = join(directory, LOCK_FILE);
    if (!existsSync(path)) return () => undefined;
    // A transaction that has read something holds a shared lock until it ends.
    const statements = 'BEGIN; SELECT count(*) FROM sqlite_master';
    return held(directory, () => begun(new DatabaseSync(path, { readOnly: true, timeout: 0 }), statements));
  };
}

/** directory: of the drive, on a local file system. */
export function fileLock(directory: string): LockDrive {
  return async () =>
    held(directory, () => begun(new DatabaseSync(join(directory, LOCK_FILE), { timeout: 0 }), 'BEGIN EXCLUSIVE'));
}

function begun(database: DatabaseSync, statements: string): DatabaseSync {
  try {
    database.exec(statements);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function held(directory: string, lock: () => DatabaseSync): () => void {
  try {
    const database = lock();
    return () => database.close();
  } catch (error) {
    const isBusy = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
    throw isBusy
      ? new DriveRefusal('in-use', `${directory} is in use by another process; one process may have a drive open`)
      : new DriveRefusal('unreadable', `${directory} cannot be locked: ${String(error)}`, { cause: error });
  }
}
