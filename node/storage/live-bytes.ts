// How much of every log file and segment is still in use: what the index points to, kept in the index itself and changed in
// the same transactions. A file with nothing in use is removed; one with little is compacted.
import { FormatError, format, u53 } from '../format/codec.ts';
import type { Entry } from './entry.ts';
import type { Index, IndexChange } from './index-port.ts';
import { LIVE_BYTES_END, LIVE_BYTES_START, liveBytesKey, parseLiveBytesKey } from './names.ts';
import { seal, unseal } from './sealed.ts';

const LIVE_BYTES_MAGIC = 'ASHLRLIV';

export const LIVE_BYTES = format('live bytes', 1, {
  file: [u53, 'number of the log file or segment'],
  liveBytes: [u53, 'sum of the lengths of the data in it that the index points to'],
});

/** Of a file whose record is damaged nothing is known, so it is never given up. */
const UNKNOWN = Number.POSITIVE_INFINITY;

export class LiveBytes {
  /** Files that are not in it have nothing in use. */
  readonly #live = new Map<number, number>();

  static load(index: Index): LiveBytes {
    const result = new LiveBytes();
    for (const { key, value } of index.range(LIVE_BYTES_START, LIVE_BYTES_END, Number.MAX_SAFE_INTEGER)) {
      const file = parseLiveBytesKey(key);
      result.#live.set(file, decodeLiveBytes(file, value));
    }
    return result;
  }

  of(file: number): number {
    return this.#live.get(file) ?? 0;
  }

  begin(): LiveChange {
    return new LiveChange(this);
  }

  /** The index has the change. */
  accept(change: LiveChange): void {
    for (const file of change.files()) {
      const liveBytes = change.after(file);
      if (liveBytes === 0) this.#live.delete(file);
      else this.#live.set(file, liveBytes);
    }
  }
}

/** What one checkpoint does to the counts. */
export class LiveChange {
  readonly #before: LiveBytes;
  readonly #deltas = new Map<number, number>();

  constructor(before: LiveBytes) {
    this.#before = before;
  }

  replace(before: Entry | null, after: Entry | null): void {
    if (before?.pointer) this.#add(before.pointer.file, -before.pointer.lengthBytes);
    if (after?.pointer) this.#add(after.pointer.file, after.pointer.lengthBytes);
  }

  files(): Iterable<number> {
    return this.#deltas.keys();
  }

  after(file: number): number {
    return Math.max(0, this.#before.of(file) + (this.#deltas.get(file) ?? 0));
  }

  indexChanges(): IndexChange[] {
    return [...this.files()]
      .filter((file) => this.after(file) !== UNKNOWN)
      .map((file) => ({ key: liveBytesKey(file), value: encodeLiveBytes(file, this.after(file)) }));
  }

  #add(file: number, bytes: number): void {
    this.#deltas.set(file, (this.#deltas.get(file) ?? 0) + bytes);
  }
}

function encodeLiveBytes(file: number, liveBytes: number): Buffer | null {
  return liveBytes === 0 ? null : seal(LIVE_BYTES_MAGIC, LIVE_BYTES.encode({ file, liveBytes }));
}

function decodeLiveBytes(file: number, value: Buffer): number {
  try {
    const found = LIVE_BYTES.decode(unseal(LIVE_BYTES_MAGIC, value));
    return found.file === file ? found.liveBytes : UNKNOWN;
  } catch (error) {
    if (error instanceof FormatError) return UNKNOWN;
    throw error;
  }
}
