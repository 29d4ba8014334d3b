// Ends a temporary cluster at once: no process and no file of it stays behind. Only for directories that createTestCluster made;
// the way for a cluster that somebody may want back is take-down.ts.
import { readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { directoryLayout } from './data-directory.ts';
import { readRecord, signalProcess, waitUntilGone } from './processes.ts';

const GONE_DEADLINE_MS = 10_000;
/** Killed processes need a moment until they let go of their files; deleting is tried again until nothing comes back. */
const REMOVAL = { recursive: true, force: true, maxRetries: 20, retryDelay: 50 } as const;

/** Fine for a directory that is gone already. */
export async function removeCluster(directory: string): Promise<void> {
  await Promise.all(killAll(directory).map((record) => waitUntilGone(record, GONE_DEADLINE_MS)));
  await rm(directory, REMOVAL);
}

/** For one of the cluster's own processes that outlives its owner; spares the process that calls it. */
export function removeClusterNow(directory: string): void {
  killAll(directory);
  rmSync(directory, REMOVAL);
}

function killAll(directory: string) {
  const { run } = directoryLayout(directory);
  const records = recordFiles(run).map((file) => readRecord(join(run, file)));
  const others = records.filter((record) => record?.pid !== process.pid);
  for (const record of others) signalProcess(record, 'SIGKILL');
  return others;
}

function recordFiles(run: string): string[] {
  try {
    return readdirSync(run).filter((name) => name.endsWith('.json'));
  } catch {
    return [];
  }
}
