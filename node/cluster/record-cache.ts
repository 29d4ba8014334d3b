// What a proposer remembers of the registers it has decided on, within a fixed budget of memory. An entry counts only under
// the ballot under which it was decided or read back.
import { type Ballot, compareBallots } from '../core/ballot.ts';
import type { RegisterKey } from '../core/keys.ts';
import { ownBytes } from '../core/own-bytes.ts';
import type { RegisterRecord } from '../format/register-formats.ts';

const BUDGET_BYTES = 4 * 1024 * 1024;
/** What an entry costs besides its payload: estimated, keys and objects of the engine included. */
const ENTRY_OVERHEAD_BYTES = 500;

interface Entry {
  readonly ballot: Ballot;
  readonly record: RegisterRecord | null;
  readonly sizeBytes: number;
}

export class RecordCache {
  readonly #entries = new Map<RegisterKey, Entry>();
  #sizeBytes = 0;

  /** undefined: not remembered under this ballot. null: known to be absent. */
  get(key: RegisterKey, ballot: Ballot): RegisterRecord | null | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || compareBallots(entry.ballot, ballot) !== 0) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.record;
  }

  set(key: RegisterKey, ballot: Ballot, record: RegisterRecord | null): void {
    this.#drop(key);
    const sizeBytes = ENTRY_OVERHEAD_BYTES + (record?.value.payload.length ?? 0);
    this.#entries.set(key, { ballot, record: record && kept(record), sizeBytes });
    this.#sizeBytes += sizeBytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#sizeBytes <= BUDGET_BYTES) break;
      this.#drop(oldest);
    }
  }

  forget(key: RegisterKey): void {
    this.#drop(key);
  }

  #drop(key: RegisterKey): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#sizeBytes -= entry.sizeBytes;
  }
}

function kept({ version, value }: RegisterRecord): RegisterRecord {
  return { version, value: { ...value, payload: ownBytes(value.payload) } };
}
