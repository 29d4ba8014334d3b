// Pages of objects and of uploads, from scans over the registers. Where many keys fall under one common prefix the scan jumps
// past it instead of walking through.
import {
  afterPrefix,
  keyPrefix,
  kindPrefix,
  objectKey,
  parseObjectKey,
  parseUploadKey,
  type RegisterKey,
  uploadKey,
} from '../core/keys.ts';
import { PageCollector } from '../core/list-page.ts';
import { objectSummary, uploadRecord } from '../format/object-formats.ts';
import type { Buckets } from './buckets.ts';
import type { BucketInfo, ListPage, ListRequest, ObjectInfo, UploadInfo } from './object-store.ts';
import { namingUnavailability, type StoreContext } from './store-context.ts';
import { uploadInfo } from './uploads.ts';

const SCAN_MIN = 16;
const SCAN_MAX = 1_001;

/** How one kind of register is listed. */
interface Kind<E> {
  readonly bucketId: string;
  readonly kind: 'object' | 'upload';
  /** The first register that may be on the page, as far as `after` says. */
  readonly start: RegisterKey;
  read(register: RegisterKey, summary: Uint8Array): { readonly key: string; readonly name: string; entry(): E };
}

export class Listing {
  readonly #context: StoreContext;
  readonly #buckets: Buckets;

  constructor(context: StoreContext, buckets: Buckets) {
    this.#context = context;
    this.#buckets = buckets;
  }

  /** Entries carry neither metadata nor parts: S3 lists neither, and they stay with the replicas. */
  objects(bucketName: string, request: ListRequest): Promise<ListPage<ObjectInfo>> {
    return this.#list(bucketName, request, ({ id }) => ({
      bucketId: id,
      kind: 'object',
      start: `${objectKey(id, request.after)}${request.after === '' ? '' : '\0'}`,
      read(register, summary) {
        const { key } = parseObjectKey(register);
        const entry = () => ({ key, ...objectSummary.decode(summary), metadata: { headers: {}, user: {} }, parts: [] });
        return { key, name: key, entry };
      },
    }));
  }

  uploads(bucketName: string, request: ListRequest): Promise<ListPage<UploadInfo>> {
    return this.#list(bucketName, request, ({ id }) => ({
      bucketId: id,
      kind: 'upload',
      start: uploadsAfter(id, request.after),
      read(register, summary) {
        const { key, uploadId } = parseUploadKey(register);
        return {
          key,
          name: `${key}\0${uploadId}`,
          entry: () => uploadInfo(key, uploadId, uploadRecord.decode(summary)),
        };
      },
    }));
  }

  async #list<E>(
    bucketName: string,
    request: ListRequest,
    kindOf: (bucket: BucketInfo) => Kind<E>,
  ): Promise<ListPage<E>> {
    const isSomething = (page: ListPage<E>) => page.entries.length + page.commonPrefixes.length > 0;
    const found = await this.#buckets.lookUp(bucketName, async (bucket) => {
      const page = await this.#collect(kindOf(bucket), request);
      return isSomething(page) ? page : null;
    });
    return found ?? { entries: [], commonPrefixes: [], next: null };
  }

  async #collect<E>({ bucketId, kind, start, read }: Kind<E>, request: ListRequest): Promise<ListPage<E>> {
    const { registers } = this.#context;
    const collector = new PageCollector<E>(request);
    const first = keyPrefix(kind, bucketId, request.prefix);
    const end = afterPrefix(first);
    let from: RegisterKey | null = start > first ? start : first;
    let size = request.delimiter === '' ? SCAN_MAX : 8 * SCAN_MIN;
    while (from !== null && (end === '' || from < end)) {
      const at: RegisterKey = from;
      const limit = Math.min(size, Math.max(SCAN_MIN, collector.missing + 1));
      const missingBefore = collector.missing;
      const page = await namingUnavailability(() => registers.scan(at, end, limit));
      for (const { key: register, summary } of page.entries) {
        const { key, name, entry } = read(register, summary);
        collector.add(key, name, entry);
        if (collector.isFull) return collector.page();
      }
      // Pages of which little was used are mostly one common prefix: then smaller ones waste less.
      const used = missingBefore - collector.missing;
      size = used < page.entries.length / 2 ? Math.max(SCAN_MIN, size >> 2) : Math.min(SCAN_MAX, size * 2);
      from = page.next;
      const { skipping } = collector;
      if (from === null || skipping === null) continue;
      const beyond = afterPrefix(keyPrefix(kind, bucketId, skipping));
      if (beyond > from) from = beyond;
    }
    return collector.page();
  }
}

/** "key": behind all uploads of that key; "key\0uploadId": behind that upload. */
function uploadsAfter(bucketId: string, after: string): RegisterKey {
  if (after === '') return kindPrefix('upload', bucketId);
  const separator = after.indexOf('\0');
  if (separator < 0) return `${keyPrefix('upload', bucketId, after)}\x01`;
  return `${uploadKey(bucketId, after.slice(0, separator), after.slice(separator + 1))}\0`;
}
