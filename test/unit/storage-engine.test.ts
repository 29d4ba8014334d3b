// What a drive promises, on the real disk with the real index and on the simulated disk with the simulated index.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DriveStore, StoreOperation } from '../../node/storage/drive-store.ts';
import { type DrivePlace, format, openFormatted, realPlace, simulatedPlace } from '../support/drives.ts';

const BLOB = 'ab'.repeat(16);
const put = (key: string, value: string): StoreOperation => ({ kind: 'put', key, value: Buffer.from(value) });
const del = (key: string): StoreOperation => ({ kind: 'delete', key });

describe.each([
  ['real', realPlace],
  ['simulated', simulatedPlace],
])('a %s drive', (_kind, makePlace) => {
  let place: DrivePlace;
  let store: DriveStore;

  beforeEach(async () => {
    place = await makePlace();
    await format(place);
    store = (await openFormatted(place)).store;
  });
  afterEach(async () => {
    await store.close();
    await place.release();
  });

  const reopen = async () => {
    await store.close();
    store = (await openFormatted(place)).store;
  };
  const text = async (key: string) => {
    const value = await store.get(key);
    return value === null ? null : Buffer.from(value).toString();
  };
  const keys = async (from: string, to: string, limit: number) =>
    (await store.range(from, to, limit)).map(({ key, value }) => `${key}=${Buffer.from(value)}`);

  it('gives back what was committed, and null for what was not', async () => {
    await store.commit([put('a', '1'), put('b', '')]);
    expect(await text('a')).toBe('1');
    expect(await text('b')).toBe('');
    expect(await text('c')).toBeNull();
  });

  it('applies the operations of one commit in order', async () => {
    await store.commit([put('a', '1'), del('a'), put('b', '1'), put('b', '2')]);
    expect(await text('a')).toBeNull();
    expect(await text('b')).toBe('2');
  });

  it('applies commits in the order of the calls', async () => {
    const commits: Promise<void>[] = [];
    for (let i = 0; i < 100; i++) commits.push(store.commit([put('a', `${i}`), put(`k${i}`, 'x')]));
    await Promise.all(commits);
    expect(await text('a')).toBe('99');
  });

  it('shares a sync between commits that come together', async () => {
    await store.commit([put('warm', 'up')]);
    const before = (await store.status()).driveSyncs;
    await Promise.all(Array.from({ length: 50 }, (_, i) => store.commit([put(`k${i}`, 'x')])));
    expect((await store.status()).driveSyncs - before).toBe(1);
  });

  it('shows a commit only once it is durable', async () => {
    const committed = store.commit([put('a', '1')]);
    expect(await text('a')).toBeNull();
    await committed;
    expect(await text('a')).toBe('1');
  });

  it('merges what is in memory over the index in a range', async () => {
    await store.commit(['a', 'b', 'c', 'd', 'e'].map((key) => put(key, '1')));
    await reopen();
    await store.commit([del('b'), put('c', '2'), put('cc', '2'), del('nothing')]);
    expect(await keys('', '', 100)).toEqual(['a=1', 'c=2', 'cc=2', 'd=1', 'e=1']);
    expect(await keys('b', 'd', 100)).toEqual(['c=2', 'cc=2']);
    expect(await keys('b', '', 2)).toEqual(['c=2', 'cc=2']);
    expect(await keys('x', '', 2)).toEqual([]);
  });

  it('goes past a long run of deleted keys in a range', async () => {
    const names = Array.from({ length: 700 }, (_, i) => `k${String(i).padStart(4, '0')}`);
    await store.commit(names.map((name) => put(name, '1')));
    await reopen();
    await store.commit(names.slice(0, 690).map(del));
    expect(await keys('', '', 3)).toEqual(['k0690=1', 'k0691=1', 'k0692=1']);
  });

  it('sorts keys by byte, and takes every byte', async () => {
    const names = ['\xff', '\0', 'a', '\x7f', '\x80', 'a\0', ''];
    await store.commit(names.map((name) => put(name, 'x')));
    await reopen();
    const found = await store.range('', '', 100);
    expect(found.map(({ key }) => key)).toEqual(['', '\0', 'a', 'a\0', '\x7f', '\x80', '\xff']);
  });

  it('takes keys of 1,200 bytes and refuses longer ones and those that are not bytes', async () => {
    await store.commit([put('k'.repeat(1200), 'x')]);
    await reopen();
    expect(await text('k'.repeat(1200))).toBe('x');
    await expect(store.commit([put('k'.repeat(1201), 'x')])).rejects.toThrow(RangeError);
    await expect(store.commit([put('\u0100', 'x')])).rejects.toThrow(RangeError);
  });

  it.each([0, 1, 1023, 1024, 1025, 8192, 100_000, 3_000_000])('keeps a value of %i bytes', async (length) => {
    const value = Buffer.alloc(length, 'v');
    await store.commit([{ kind: 'put', key: 'v', value }]);
    expect(Buffer.from((await store.get('v'))!).equals(value)).toBe(true);
    await reopen();
    expect(Buffer.from((await store.get('v'))!).equals(value)).toBe(true);
  });

  it('gives the heads of values without the values', async () => {
    const value = Buffer.alloc(5_000);
    await store.commit([
      { kind: 'put', key: 'a', value, head: Buffer.from('A') },
      { kind: 'put', key: 'b', value: Buffer.from('short'), head: Buffer.from('') },
      { kind: 'put', key: 'c', value },
    ]);
    for (let round = 0; round < 2; round++) {
      expect(await store.heads('', 'd', 10)).toEqual([
        { key: 'a', head: Buffer.from('A') },
        { key: 'b', head: Buffer.from('') },
        { key: 'c', head: null },
      ]);
      expect(await store.head('a')).toEqual({ key: 'a', head: Buffer.from('A') });
      expect(await store.head('x')).toBeNull();
      await reopen();
    }
    await store.commit([{ kind: 'put', key: 'a', value }]);
    expect(await store.head('a')).toEqual({ key: 'a', head: null });
  });

  it('does not keep the buffers of its callers', async () => {
    const value = Buffer.from('before');
    await store.commit([{ kind: 'put', key: 'a', value }]);
    value.fill('x');
    expect(await text('a')).toBe('before');
  });

  it.each([0, 1, 1000, 65_536, 65_537, 300_000])('keeps a shard of %i bytes', async (sizeBytes) => {
    const data = patterned(sizeBytes);
    await store.putShard({ blobId: BLOB, position: 3 }, Buffer.from('attr'), data);
    for (let round = 0; round < 2; round++) {
      expect(await store.statShard({ blobId: BLOB, position: 3 })).toEqual({
        blobId: BLOB,
        position: 3,
        attributes: Buffer.from('attr'),
        sizeBytes,
      });
      const read = await store.readShard({ blobId: BLOB, position: 3 }, 0, sizeBytes + 1);
      expect(Buffer.from(read!).equals(data)).toBe(true);
      expect(await store.readShard({ blobId: BLOB, position: 4 }, 0, 10)).toBeNull();
      await reopen();
    }
  });

  it('reads any part of a shard', async () => {
    const data = patterned(200_000);
    await store.putShard({ blobId: BLOB, position: 0 }, Buffer.alloc(0), data);
    for (const [offset, length] of [
      [0, 1],
      [65_535, 2],
      [65_536, 65_536],
      [199_999, 10],
      [200_000, 10],
      [300_000, 1],
      [100, 0],
    ] as const) {
      const read = await store.readShard({ blobId: BLOB, position: 0 }, offset, length);
      expect(Buffer.from(read!).equals(data.subarray(offset, offset + length))).toBe(true);
    }
  });

  it('writes a shard in pieces of any size and shows nothing of it before commit', async () => {
    const data = patterned(400_000);
    const writer = await store.beginShard({ blobId: BLOB, position: 1 }, Buffer.alloc(0));
    let at = 0;
    for (const length of [1, 10_000, 70_000, 65_536, 100_000, 154_463]) {
      await writer.append(data.subarray(at, at + length));
      at += length;
    }
    expect(await store.statShard({ blobId: BLOB, position: 1 })).toBeNull();
    await writer.commit();
    const read = await store.readShard({ blobId: BLOB, position: 1 }, 0, 400_000);
    expect(Buffer.from(read!).equals(data)).toBe(true);
  });

  it('replaces, counts and deletes shards', async () => {
    const name = { blobId: BLOB, position: 1 };
    await store.putShard(name, Buffer.alloc(0), patterned(100_000));
    await store.putShard(name, Buffer.from('new'), patterned(200_000));
    await store.putShard({ blobId: BLOB, position: 2 }, Buffer.alloc(0), patterned(10));
    expect(await store.status()).toMatchObject({ shardCount: 2, shardBytes: 200_010, failure: null });
    await store.deleteShard(name);
    await store.deleteShard(name);
    expect(await store.statShard(name)).toBeNull();
    expect(await store.readShard(name, 0, 1)).toBeNull();
    await reopen();
    expect(await store.status()).toMatchObject({ shardCount: 1, shardBytes: 10 });
  });

  it('leaves no file behind for replaced, deleted and aborted shards', async () => {
    const name = { blobId: BLOB, position: 1 };
    const writer = await store.beginShard(name, Buffer.alloc(0));
    await writer.append(patterned(100_000));
    await writer.abort();
    await store.putShard(name, Buffer.alloc(0), patterned(100_000));
    await store.putShard(name, Buffer.alloc(0), patterned(100_000));
    const { disk } = await place.mount();
    expect(await disk.list('shards/ab')).toHaveLength(1);
    await store.deleteShard(name);
    expect(await disk.list('shards/ab')).toHaveLength(0);
  });

  it('lists shards by blob and position, a page at a time', async () => {
    for (const [blob, position] of [
      ['02', 0],
      ['01', 255],
      ['01', 9],
      ['ff', 0],
    ] as const) {
      await store.putShard({ blobId: blob.repeat(16), position }, Buffer.alloc(0), patterned(5));
    }
    await store.commit([put('zzz', 'not a shard'), put('', 'nor this')]);
    const first = await store.listShards(null, 2);
    expect(first.map(({ blobId, position }) => [blobId.slice(0, 2), position])).toEqual([
      ['01', 9],
      ['01', 255],
    ]);
    const rest = await store.listShards(first[1]!, 100);
    expect(rest.map(({ blobId, position }) => [blobId.slice(0, 2), position])).toEqual([
      ['02', 0],
      ['ff', 0],
    ]);
  });

  it('gives a reader the whole old or the whole new shard while it is replaced', async () => {
    const name = { blobId: BLOB, position: 1 };
    const versions = [Buffer.alloc(150_000, 'a'), Buffer.alloc(150_000, 'b')];
    await store.putShard(name, Buffer.alloc(0), versions[0]!);
    const reads: Promise<Uint8Array | null>[] = [];
    for (let i = 1; i < 6; i++) {
      const replaced = store.putShard(name, Buffer.alloc(0), versions[i % 2]!);
      for (let read = 0; read < 5; read++) reads.push(store.readShard(name, 0, 150_000));
      await replaced;
    }
    for (const read of await Promise.all(reads)) {
      expect(versions.some((version) => version.equals(read!))).toBe(true);
    }
  });
});

function patterned(length: number): Buffer {
  const data = Buffer.alloc(length);
  for (let i = 0; i < length; i++) data[i] = (i * 7 + (i >> 8)) & 0xff;
  return data;
}
