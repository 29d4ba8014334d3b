// The index of a real drive: one file, whose tree is read here, through the system's page cache and never through a memory map,
// and written by a thread of its own (index-disk-worker.ts), each transaction synced before it counts, the state record in it.
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { DiskError } from '../io/disk.ts';
import { CorruptionError } from './drive-store.ts';
import { type IndexOutcome, type IndexRequest, packBatch } from './index-batch.ts';
import { INDEX_FILE, type IndexHead, STATE_KEY, spaceOf } from './index-head.ts';
import type { Index, IndexChange, IndexEntry, IndexFactory, IndexSpace } from './index-port.ts';
import { IndexPages, IndexTree } from './index-tree.ts';

/** The worker's file, in the repository (TypeScript, run as it is) as in the published package (compiled). */
const WORKER = `./index-disk-worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`;

/** directory: where the index of this drive lies; made when it is not there. */
export function diskIndex(directory: string): IndexFactory {
  return async () => {
    const path = join(directory, INDEX_FILE);
    const descriptor = openOrMake(directory, path);
    try {
      return new DiskIndex(new IndexPages(path, descriptor), descriptor);
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
  };
}

/** Only read from: the thread writes. */
function openOrMake(directory: string, path: string): number {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return openSync(path, 'a+', 0o600);
  } catch (error) {
    throw new DiskError('io', `index ${path}: ${error}`, { cause: error });
  }
}

class DiskIndex implements Index {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #tree: IndexTree;
  /** Started for the first transaction: a node should not wait for threads when it starts. */
  #thread: IndexThread | null = null;

  constructor(pages: IndexPages, descriptor: number) {
    const { newest, damage } = pages.heads();
    if (newest === null) throw new CorruptionError(`index ${pages.path}: ${damage.join(', ')}`);
    this.#path = pages.path;
    this.#descriptor = descriptor;
    this.#tree = new IndexTree(pages, newest, (error) => {
      throw error;
    });
  }

  get(key: string): Buffer | null {
    return this.#tree.get(key);
  }

  range(from: string, to: string, limit: number): IndexEntry[] {
    return this.#tree.range(from, to, limit);
  }

  state(): Buffer | null {
    return this.get(STATE_KEY);
  }

  async apply(changes: readonly IndexChange[], state: Uint8Array): Promise<void> {
    this.#thread ??= await IndexThread.start(this.#path, this.#tree.head);
    // What the tree was stays where it is until the next transaction begins, so whatever is read meanwhile is read from that.
    this.#tree.head = await this.#thread.send({ batch: packBatch([...changes, { key: STATE_KEY, value: state }]) });
  }

  space(): IndexSpace {
    return spaceOf(this.#tree.head);
  }

  async close(): Promise<void> {
    await this.#thread?.close();
    closeSync(this.#descriptor);
  }
}

/** One request at a time, as the engine writes one transaction at a time. */
class IndexThread {
  readonly #worker: Worker;
  readonly #path: string;
  #waiting: { resolve: (head: IndexHead) => void; reject: (error: Error) => void } | null = null;
  #death: DiskError | null = null;

  private constructor(path: string, head: IndexHead) {
    this.#path = path;
    this.#worker = new Worker(new URL(WORKER, import.meta.url), {
      workerData: { path, head },
      name: 'index',
      // It holds one batch at a time, and there is one of it for each drive.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    this.#worker.on('message', (outcome: IndexOutcome) => this.#settle(outcome));
    this.#worker.on('error', (error) => this.#die(new DiskError('io', `index ${path}: ${error}`, { cause: error })));
    this.#worker.on('exit', (code) => this.#die(new DiskError('io', `index ${path}: its thread ended (${code})`)));
  }

  /** Rejects with CorruptionError when the index is damaged where it must be read before it can be written. */
  static async start(path: string, head: IndexHead): Promise<IndexThread> {
    const thread = new IndexThread(path, head);
    try {
      await thread.#outcome();
      return thread;
    } catch (error) {
      await thread.#worker.terminate();
      throw error;
    }
  }

  async send(request: Exclude<IndexRequest, null>): Promise<IndexHead> {
    this.#worker.postMessage(request, [request.batch]);
    return this.#outcome();
  }

  async close(): Promise<void> {
    this.#worker.postMessage(null satisfies IndexRequest);
    await this.#outcome();
    // Or a process that has nothing else to do would end here, before whoever waits for this is told.
    this.#worker.ref();
    await this.#worker.terminate();
  }

  /** Keeps the process alive until the thread has answered, and no longer. */
  async #outcome(): Promise<IndexHead> {
    if (this.#death !== null) throw this.#death;
    if (this.#waiting !== null) throw new Error(`index ${this.#path}: a transaction is under way`);
    this.#worker.ref();
    try {
      return await new Promise<IndexHead>((resolve, reject) => {
        this.#waiting = { resolve, reject };
      });
    } finally {
      this.#worker.unref();
    }
  }

  #settle(outcome: IndexOutcome): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    if (outcome.kind === 'done') waiting?.resolve(outcome.head);
    else waiting?.reject(failureOf(outcome, this.#path));
  }

  #die(error: DiskError): void {
    this.#death ??= error;
    this.#waiting?.reject(this.#death);
    this.#waiting = null;
  }
}

function failureOf({ kind, message }: Exclude<IndexOutcome, { kind: 'done' }>, path: string): Error {
  return kind === 'corrupt' ? new CorruptionError(message) : new DiskError(kind, `index ${path}: ${message}`);
}
