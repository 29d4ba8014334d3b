// The thread that writes one index: a transaction at a time, so that neither sorting and packing thousands of entries nor the
// syncs hold up the thread that serves.
import { closeSync, openSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { DiskError } from '../io/disk.ts';
import { CorruptionError } from './drive-store.ts';
import { type IndexOutcome, type IndexRequest, unpackBatch } from './index-batch.ts';
import type { IndexHead } from './index-head.ts';
import { IndexTransactions } from './index-transactions.ts';
import { IndexPages } from './index-tree.ts';

const { path, head }: { readonly path: string; readonly head: IndexHead } = workerData;
const descriptor = openSync(path, 'r+');
let transactions: IndexTransactions | null = null;

parentPort!.on('message', (request: IndexRequest) => {
  answer(() => {
    if (request !== null) return transactions!.apply([...unpackBatch(request.batch)]);
    closeSync(descriptor);
    return head;
  });
});
answer(() => {
  transactions = new IndexTransactions(new IndexPages(path, descriptor), descriptor, head);
  return head;
});

function answer(work: () => IndexHead): void {
  parentPort!.postMessage(outcomeOf(work));
}

function outcomeOf(work: () => IndexHead): IndexOutcome {
  try {
    return { kind: 'done', head: work() };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    if (error instanceof CorruptionError) return { kind: 'corrupt', message };
    const isFull =
      !(error instanceof DiskError) && error instanceof Error && 'code' in error && error.code === 'ENOSPC';
    return { kind: isFull ? 'no-space' : 'io', message };
  }
}
