// The objects of a dead cluster: buckets by name, and in each, key by key, the versions that may hold.
import { afterPrefix, KIND, keyPrefix, parseObjectKey, type RegisterKey } from '../core/keys.ts';
import { currentVersion, readBucket, readObject } from '../core/object-record.ts';
import { FormatError } from '../format/codec.ts';
import type { ObjectVersion } from '../format/object-formats.ts';
import type { RegisterValue } from '../format/register-formats.ts';
import type { Certainty } from './judgement.ts';
import type { FoundRegister, Registers } from './registers.ts';

export interface FoundBucket {
  /** "_" and the id when no drive here has the bucket's name: no bucket can be called so. */
  readonly name: string;
  readonly id: string;
}

export interface FoundObject {
  readonly bucket: FoundBucket;
  readonly key: string;
  readonly certainty: Certainty;
  /** The one that holds, and older ones. A null in it: the object was deleted then. Empty: nothing can be read of it. */
  readonly versions: readonly (ObjectVersion | null)[];
  readonly damage: readonly string[];
  /** Other keys begin with this one and a slash. */
  readonly isDirectory: boolean;
}

export interface ObjectFilter {
  /** A bucket's name. */
  readonly bucket?: string | undefined;
  readonly keyPrefix?: string | undefined;
}

export class FoundObjects {
  readonly #registers: Registers;
  readonly #buckets: ReadonlyMap<string, FoundBucket>;

  private constructor(registers: Registers, buckets: readonly FoundBucket[]) {
    this.#registers = registers;
    this.#buckets = new Map(buckets.map((bucket) => [bucket.id, bucket]));
  }

  static async of(registers: Registers): Promise<FoundObjects> {
    const buckets: FoundBucket[] = [];
    for await (const { values } of registers.range(KIND.bucket, afterPrefix(KIND.bucket))) {
      const records = values.flatMap((value) => readable(value, readBucket) ?? []);
      // The name belongs to the newest bucket; what an older one of the name may still hold must not mix with it.
      const [newest] = records;
      if (newest !== undefined) buckets.push({ name: newest.name, id: newest.id });
    }
    return new FoundObjects(registers, buckets);
  }

  get buckets(): FoundBucket[] {
    return [...this.#buckets.values()];
  }

  async *all({ bucket, keyPrefix: prefix = '' }: ObjectFilter): AsyncGenerator<FoundObject> {
    if (bucket === undefined && prefix === '') {
      yield* this.#range(KIND.object, afterPrefix(KIND.object));
      return;
    }
    const ids = bucket === undefined ? await this.#allBucketIds() : this.#idsOf(bucket);
    for (const id of ids) {
      const start = keyPrefix('object', id, prefix);
      yield* this.#range(start, afterPrefix(start));
    }
  }

  async *#range(from: RegisterKey, to: RegisterKey): AsyncGenerator<FoundObject> {
    for await (const register of this.#registers.range(from, to)) yield this.#object(register);
  }

  #object({ key: register, certainty, values, damage }: FoundRegister): FoundObject {
    const { bucketId, key } = parseObjectKey(register);
    const bucket = this.#buckets.get(bucketId) ?? { name: `_${bucketId}`, id: bucketId };
    const versions: (ObjectVersion | null)[] = [];
    const problems = [...damage];
    for (const value of values) {
      const record = readable(value, readObject);
      if (record === null) problems.push('a record that this program does not understand');
      else versions.push(currentVersion(record));
    }
    const below = `${register}/`;
    const isDirectory = this.#registers.has(below, afterPrefix(below));
    return { bucket, key, certainty, versions, damage: problems, isDirectory };
  }

  #idsOf(name: string): string[] {
    return this.buckets.filter((bucket) => bucket.name === name).map(({ id }) => id);
  }

  /** Of buckets without a name, too. */
  async #allBucketIds(): Promise<string[]> {
    const ids = new Set<string>();
    let from: RegisterKey = KIND.object;
    for (;;) {
      let id: string | null = null;
      for await (const { key } of this.#registers.range(from, afterPrefix(KIND.object))) {
        id = parseObjectKey(key).bucketId;
        break;
      }
      if (id === null) return [...ids];
      ids.add(id);
      from = afterPrefix(keyPrefix('object', id, ''));
    }
  }
}

function readable<T>(value: RegisterValue, read: (value: RegisterValue) => T): T | null {
  try {
    return read(value);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
