// The index in LMDB. Reads happen here, in memory; transactions in a thread of their own (index-lmdb-worker.ts), each synced
// before it counts, with the state record in it. LMDB's pages have no checksums: the values bring their own.
import { mkdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DiskError } from '../io/disk.ts';
import { type IndexAnswer, type IndexRequest, packBatch } from './index-batch.ts';
import { INDEX_FILE, inspectIndexFile } from './index-file.ts';
import type { Index, IndexChange, IndexEntry, IndexFactory, IndexSpace } from './index-port.ts';
import { type LmdbEnvironment, openLmdb, spaceOf } from './lmdb-environment.ts';

/** Below every key of an entry. */
const STATE_KEY = '\0';
const END_KEY = Buffer.from([0xff]);
const ENOSPC = 28;
/** LMDB reports a short write as an IO error; on a file system with so little left it was for lack of space. */
const FULL_BYTES = 2 ** 20;

/** The worker's file, in the repository (TypeScript, run as it is) as in the published package (compiled). */
const WORKER = `./index-lmdb-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`;

/** directory: where the index of this drive lies; made when it is not there. */
export function lmdbIndex(directory: string): IndexFactory {
  return async () => {
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      if (inspectIndexFile(directory) === 'unborn') await unlink(join(directory, INDEX_FILE));
      return new LmdbIndex(openLmdb(directory), directory);
    } catch (error) {
      throw error instanceof DiskError ? error : asDiskError(error, directory);
    }
  };
}

class LmdbIndex implements Index {
  readonly #environment: LmdbEnvironment;
  readonly #directory: string;
  #space: IndexSpace;
  /** Started for the first transaction: a node should not wait for threads when it starts. */
  #thread: IndexThread | null = null;

  constructor(environment: LmdbEnvironment, directory: string) {
    this.#environment = environment;
    this.#directory = directory;
    this.#space = spaceOf(environment);
  }

  get(key: string): Buffer | null {
    return this.#read(() => asBuffer(this.#environment.getBinary(Buffer.from(key, 'latin1'))));
  }

  range(from: string, to: string, limit: number): IndexEntry[] {
    return this.#read(() => {
      const start = Buffer.from(from, 'latin1');
      const end = to === '' ? END_KEY : Buffer.from(to, 'latin1');
      const entries: IndexEntry[] = [];
      for (const { key, value } of this.#environment.getRange({ start, end, limit })) {
        entries.push({ key: key.toString('latin1'), value: asBuffer(value)! });
      }
      return entries;
    });
  }

  state(): Buffer | null {
    return this.get(STATE_KEY);
  }

  async apply(changes: readonly IndexChange[], state: Uint8Array): Promise<void> {
    this.#thread ??= await IndexThread.start(this.#directory);
    const batch = packBatch([...changes, { key: STATE_KEY, value: state }]);
    // A snapshot that is still open keeps pages from being used again …
    this.#environment.resetReadTxn();
    await this.#thread.send({ batch });
    // … and what is read next must not come from one that was taken before.
    this.#environment.resetReadTxn();
    this.#space = this.#read(() => spaceOf(this.#environment));
  }

  space(): IndexSpace {
    return this.#space;
  }

  async close(): Promise<void> {
    await this.#thread?.close();
    await this.#environment.close();
  }

  #read<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw asDiskError(error, this.#directory);
    }
  }
}

/** One request at a time, as the engine writes one transaction at a time. */
class IndexThread {
  readonly #worker: Worker;
  readonly #directory: string;
  #waiting: { resolve: () => void; reject: (error: DiskError) => void } | null = null;
  #death: DiskError | null = null;

  private constructor(directory: string) {
    this.#directory = directory;
    this.#worker = new Worker(new URL(WORKER, import.meta.url), {
      workerData: { directory },
      name: 'index',
      // It holds one batch at a time, and there is one of it for each drive.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', (answer: IndexAnswer) => this.#settle(answer && failureOf(answer, directory)));
    this.#worker.on('error', (error) => this.#die(asDiskError(error, directory)));
    this.#worker.on('exit', (code) => this.#die(new DiskError('io', `index ${directory}: its thread ended (${code})`)));
  }

  static async start(directory: string): Promise<IndexThread> {
    const thread = new IndexThread(directory);
    await thread.#answer();
    return thread;
  }

  async send(request: Exclude<IndexRequest, null>): Promise<void> {
    this.#worker.postMessage(request, [request.batch]);
    await this.#answer();
  }

  async close(): Promise<void> {
    this.#worker.postMessage(null satisfies IndexRequest);
    await this.#answer();
    // Or a process that has nothing else to do would end here, before whoever waits for this is told.
    this.#worker.ref();
    await this.#worker.terminate();
  }

  /** Keeps the process alive until the thread has answered, and no longer. */
  async #answer(): Promise<void> {
    if (this.#death !== null) throw this.#death;
    if (this.#waiting !== null) throw new Error(`index ${this.#directory}: a transaction is under way`);
    this.#worker.ref();
    try {
      await new Promise<void>((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    } finally {
      this.#worker.unref();
    }
  }

  #settle(failure: DiskError | null): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (failure === null) waiting?.resolve();
    else waiting?.reject(failure);
  }

  #die(error: DiskError): void {
    this.#death ??= error;
    this.#settle(this.#death);
  }
}

function asBuffer(value: Uint8Array | undefined): Buffer | null {
  if (value === undefined) return null;
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

function failureOf({ message, code, freeBytes }: Exclude<IndexAnswer, null>, directory: string): DiskError {
  const isFull = code === ENOSPC || freeBytes < FULL_BYTES;
  return new DiskError(isFull ? 'no-space' : 'io', `index ${directory}: ${message}`);
}

function asDiskError(error: unknown, directory: string): DiskError {
  const reason = error instanceof Error ? error.message : String(error);
  return new DiskError('io', `index ${directory}: ${reason}`, { cause: error });
}
