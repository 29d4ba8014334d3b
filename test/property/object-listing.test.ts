// Listings against a model that is too simple to be wrong: sort all names, roll them up, cut the page.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ListPage, ListRequest } from '../../node/cluster/object-store.ts';
import { NO_METADATA, put } from '../cluster-fakes/bodies.ts';
import { ObjectCluster } from '../cluster-fakes/object-cluster.ts';

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

interface Item {
  readonly name: string;
  readonly isPrefix: boolean;
}

/** names: what entries are called at a page's end; keyOf: the key behind a name. */
function modelPage(names: readonly string[], keyOf: (name: string) => string, request: ListRequest): ListPage<string> {
  const { prefix, delimiter, after, limit } = request;
  const items = new Map<string, Item>();
  for (const name of names) {
    const key = keyOf(name);
    if (!key.startsWith(prefix)) continue;
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    const item = end < 0 ? { name, isPrefix: false } : { name: key.slice(0, end + delimiter.length), isPrefix: true };
    if (byBytes(item.name, after) > 0) items.set(`${item.isPrefix} ${item.name}`, item);
  }
  const sorted = [...items.values()].sort((a, b) => byBytes(a.name, b.name));
  const page = sorted.slice(0, limit);
  return {
    entries: page.filter(({ isPrefix }) => !isPrefix).map(({ name }) => name),
    commonPrefixes: page.filter(({ isPrefix }) => isPrefix).map(({ name }) => name),
    next: sorted.length > limit ? page.at(-1)!.name : null,
  };
}

/** Few letters, so that prefixes and delimiters meet; some beyond ASCII, where UTF-16 and UTF-8 sort differently. */
const key = fc
  .array(fc.constantFrom('a', 'b', '/', '-', 'ä', '\uff5e', '😀'), { minLength: 1, maxLength: 6 })
  .map((letters) => letters.join(''));
const keys = fc.uniqueArray(key, { maxLength: 40 });
const part = fc.oneof(
  { weight: 2, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.constantFrom('a', 'a/', 'b-', '/', 'ä') },
);
const request = fc.record({
  prefix: part,
  delimiter: fc.constantFrom('', '/', '-', 'a/'),
  after: fc.oneof(fc.constant(''), key, part),
  limit: fc.integer({ min: 1, max: 12 }),
});

async function clusterWith(names: readonly string[]): Promise<ObjectCluster> {
  const cluster = new ObjectCluster();
  await cluster.run(cluster.store.createBucket('bucket'));
  await cluster.run(cluster.store.createBucket('neighbour'));
  await cluster.run(Promise.all(names.map((name) => put(cluster.store, name, Buffer.from(name)))));
  return cluster;
}

describe('listing objects', () => {
  it('gives what sorting, rolling up and cutting gives, for any keys and any request', async () => {
    await fc.assert(
      fc.asyncProperty(keys, fc.array(request, { minLength: 1, maxLength: 5 }), async (names, requests) => {
        const cluster = await clusterWith(names);
        for (const wanted of requests) {
          const { entries, commonPrefixes, next } = await cluster.run(cluster.store.listObjects('bucket', wanted));
          const found = { entries: entries.map((entry) => entry.key), commonPrefixes, next };
          expect(found).toEqual(modelPage(names, (name) => name, wanted));
        }
      }),
      { numRuns: 150 },
    );
  });

  it('page by page gives everything once', async () => {
    await fc.assert(
      fc.asyncProperty(keys, request, async (names, wanted) => {
        const cluster = await clusterWith(names);
        const whole = modelPage(names, (name) => name, { ...wanted, after: '', limit: 1000 });
        const entries: string[] = [];
        const commonPrefixes: string[] = [];
        for (let after: string | null = ''; after !== null; ) {
          const page: ListPage<{ key: string }> = await cluster.run(
            cluster.store.listObjects('bucket', { ...wanted, after }),
          );
          entries.push(...page.entries.map((entry) => entry.key));
          commonPrefixes.push(...page.commonPrefixes);
          after = page.next;
        }
        expect({ entries, commonPrefixes, next: null }).toEqual(whole);
      }),
      { numRuns: 60 },
    );
  });

  it('jumps over what lies under a common prefix', async () => {
    const cluster = await clusterWith([]);
    const names = Array.from({ length: 3_000 }, (_, at) => `deep/${String(at).padStart(4, '0')}`);
    await cluster.run(
      Promise.all([...names, 'after', 'zebra'].map((name) => put(cluster.store, name, Buffer.from(name)))),
    );
    cluster.registers.scannedCount = 0;
    const wanted = { prefix: '', delimiter: '/', after: '', limit: 1000 };
    expect(await cluster.run(cluster.store.listObjects('bucket', wanted))).toMatchObject({
      entries: [{ key: 'after' }, { key: 'zebra' }],
      commonPrefixes: ['deep/'],
    });
    expect(cluster.registers.scannedCount).toBeLessThan(400);
  });
});

describe('listing uploads', () => {
  it('gives what sorting, rolling up and cutting gives', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(key, { maxLength: 15 }),
        fc.array(request, { maxLength: 4 }),
        async (names, requests) => {
          const cluster = await clusterWith([]);
          const made = await cluster.run(
            Promise.all(names.map((name) => cluster.store.createUpload('bucket', name, NO_METADATA, null))),
          );
          const uploads = made.map((upload) => `${upload.key}\0${upload.uploadId}`);
          const keyOf = (name: string) => name.split('\0')[0]!;
          for (const wanted of requests) {
            const page = await cluster.run(cluster.store.listUploads('bucket', wanted));
            const found = { ...page, entries: page.entries.map((entry) => `${entry.key}\0${entry.uploadId}`) };
            // After "key" no upload of that key comes: as if after the last that there could be.
            const after = wanted.after === '' ? '' : `${wanted.after}\0~`;
            expect(found).toEqual(modelPage(uploads, keyOf, { ...wanted, after }));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('goes on after an upload of a key with the next upload of the same key', async () => {
    const cluster = await clusterWith([]);
    for (let at = 0; at < 5; at++) await cluster.run(cluster.store.createUpload('bucket', 'key', NO_METADATA, null));
    const found: string[] = [];
    for (let after: string | null = ''; after !== null; ) {
      const page: ListPage<{ uploadId: string }> = await cluster.run(
        cluster.store.listUploads('bucket', { prefix: '', delimiter: '', after, limit: 2 }),
      );
      found.push(...page.entries.map(({ uploadId }) => uploadId));
      after = page.next;
    }
    expect(found).toHaveLength(5);
    expect(found).toEqual([...found].sort());
  });
});
