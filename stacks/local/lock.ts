// One command at a time changes a cluster. The lock is a file that names its holder, so that one left behind by a killed
// command is not in anybody's way.
import { linkSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LocalError } from './errors.ts';
import { isAlive, ownRecord, readRecord } from './processes.ts';

const POLL_MS = 50;

/** Waits for another command up to the deadline, then says who it is. The lock is given back whatever `work` does. */
export async function withLock<T>(lockFile: string, deadlineMs: number, work: () => Promise<T>): Promise<T> {
  const endMs = performance.now() + deadlineMs;
  while (!tryLock(lockFile)) {
    const holder = readRecord(lockFile);
    if (performance.now() >= endMs) {
      throw new LocalError(
        'failure',
        `another command (process ${holder?.pid ?? 'unknown'}) is changing this cluster; wait for it to finish ` +
          `(or remove ${lockFile} when you know that there is none)`,
      );
    }
    await delay(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function tryLock(lockFile: string): boolean {
  makeParent(lockFile);
  // Written aside and linked, so that nobody ever sees a lock without its holder in it.
  const own = `${lockFile}.${process.pid}.${performance.now()}`;
  writeFileSync(own, JSON.stringify(ownRecord()), { mode: 0o600 });
  try {
    removeAbandoned(lockFile);
    linkSync(own, lockFile);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    rmSync(own, { force: true });
  }
}

/** Only the last directory is made: where the cluster's own is gone, the cluster is, and must not come back as a shell. */
function makeParent(lockFile: string): void {
  try {
    mkdirSync(dirname(lockFile), { mode: 0o700 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT')
      throw new LocalError('failure', `${dirname(dirname(lockFile))} was deleted by another command`);
    if (code !== 'EEXIST') throw error;
  }
}

function removeAbandoned(lockFile: string): void {
  const holder = readRecord(lockFile);
  if (holder !== null && !isAlive(holder)) rmSync(lockFile, { force: true });
}
