// The keys that requests are signed with: derived from a secret for one day and region, and kept, because the derivation
// costs four HMACs and a client uses the same key all day.
import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';

/** More keys than clients of one day in any reasonable cluster; the oldest goes first. */
const CACHED_KEYS_MAX = 4096;

export class SigningKeys {
  readonly #region: string;
  readonly #cache = new Map<string, { readonly secretAccessKey: string; readonly key: KeyObject }>();

  constructor(region: string) {
    this.#region = region;
  }

  /** date: "20130524". A secret that changed under the same access key id gets a new signing key. */
  get(accessKeyId: string, secretAccessKey: string, date: string): KeyObject {
    const name = `${date}/${accessKeyId}`;
    const cached = this.#cache.get(name);
    if (cached?.secretAccessKey === secretAccessKey) return cached.key;
    const key = deriveSigningKey(secretAccessKey, date, this.#region);
    this.#cache.delete(name);
    if (this.#cache.size >= CACHED_KEYS_MAX) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(name, { secretAccessKey, key });
    return key;
  }
}

/** https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html, "Task 3" */
export function deriveSigningKey(secretAccessKey: string, date: string, region: string): KeyObject {
  const dateKey = createHmac('sha256', `AWS4${secretAccessKey}`).update(date).digest();
  const regionKey = createHmac('sha256', dateKey).update(region).digest();
  const serviceKey = createHmac('sha256', regionKey).update('s3').digest();
  return createSecretKey(createHmac('sha256', serviceKey).update('aws4_request').digest());
}
