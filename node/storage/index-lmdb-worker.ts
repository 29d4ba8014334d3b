// The thread that writes one LMDB index: applies each batch in one synchronous transaction, so that an error is an error of
// that batch and of nothing else, and neither handing over thousands of entries nor the sync holds up the thread that serves.
// (lmdb's own asynchronous writes print errors, leave promises rejected that nobody holds, and end the process by it.)
import { statfsSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { type IndexAnswer, type IndexRequest, unpackBatch } from './index-batch.ts';
import { openLmdb } from './lmdb-environment.ts';

const directory: string = workerData.directory;
const environment = openLmdb(directory);

parentPort!.on('message', (request: IndexRequest) => {
  if (request === null) {
    environment.close().then(
      () => answer(null),
      (error) => answer(failure(error)),
    );
    return;
  }
  answer(attempt(request.batch));
});
answer(null);

function attempt(batch: ArrayBuffer): IndexAnswer {
  try {
    environment.transactionSync(() => {
      for (const { key, value } of unpackBatch(batch)) {
        if (value === null) environment.removeSync(key);
        else environment.putSync(key, value);
      }
    });
    return null;
  } catch (error) {
    return failure(error);
  }
}

function failure(error: unknown): IndexAnswer {
  const { bavail, bsize } = statfsSync(directory);
  return {
    message: error instanceof Error ? error.message : String(error),
    code: error instanceof Error && 'code' in error ? error.code : null,
    freeBytes: bavail * bsize,
  };
}

function answer(value: IndexAnswer): void {
  parentPort!.postMessage(value);
}
