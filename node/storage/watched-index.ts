// An index that tells of the first page that cannot be read: a drive with such an index cannot take writes for long, so it must
// say so at once, whoever happens to meet the damage.
import { DiskError } from '../io/disk.ts';
import { CorruptionError } from './drive-store.ts';
import type { Index, IndexChange, IndexEntry, IndexSpace } from './index-port.ts';

export class WatchedIndex implements Index {
  readonly #index: Index;
  readonly #onUnreadable: (error: CorruptionError | DiskError) => void;

  constructor(index: Index, onUnreadable: (error: CorruptionError | DiskError) => void) {
    this.#index = index;
    this.#onUnreadable = onUnreadable;
  }

  get(key: string): Buffer | null {
    return this.#watch(() => this.#index.get(key));
  }

  range(from: string, to: string, limit: number): IndexEntry[] {
    return this.#watch(() => this.#index.range(from, to, limit));
  }

  state(): Buffer | null {
    return this.#watch(() => this.#index.state());
  }

  apply(changes: readonly IndexChange[], state: Uint8Array): Promise<void> {
    return this.#index.apply(changes, state);
  }

  space(): IndexSpace {
    return this.#index.space();
  }

  close(): Promise<void> {
    return this.#index.close();
  }

  #watch<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof CorruptionError || error instanceof DiskError) this.#onUnreadable(error);
      throw error;
    }
  }
}
