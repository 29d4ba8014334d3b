// Scans of one replica: they read heads, and values only where a head does not say what is asked.
import { beforeEach, describe, expect, it } from 'vitest';
import { Acceptor } from '../../node/cluster/acceptor.ts';
import { hasPartition, partitionSet } from '../../node/cluster/partition-set.ts';
import type { RegisterKey } from '../../node/core/keys.ts';
import { FormatError } from '../../node/format/codec.ts';
import { registerRecord } from '../../node/format/register-formats.ts';
import { CorruptionError, type StoreEntry } from '../../node/storage/drive-store.ts';
import { MemoryDrive } from '../cluster-fakes/memory-drive.ts';

const BALLOT = { round: 2, proposer: '0000000000000001' };
const version = (sequence: number) => ({ ballot: BALLOT, sequence });
const UNREADABLE = { ballot: { round: 0, proposer: '0000000000000000' }, sequence: 0 };

class WatchedDrive extends MemoryDrive {
  readonly valuesRead: string[] = [];
  rotten: string | null = null;

  override async get(key: string): Promise<Uint8Array | null> {
    if (key.startsWith('R')) this.valuesRead.push(key);
    if (key === this.rotten) throw new CorruptionError('rotten');
    return super.get(key);
  }

  override async range(): Promise<StoreEntry[]> {
    throw new Error('no values are read in ranges');
  }
}

let drive: WatchedDrive;
let corrupt: RegisterKey[];
let replica: Acceptor;
const everything = { limit: 1_000, detail: true, isWanted: () => true };

beforeEach(() => {
  drive = new WatchedDrive({ clusterId: 'c', driveId: 'd', slot: 'a1/d1' });
  corrupt = [];
  replica = new Acceptor(drive, {
    summarize: (_, payload) => {
      if (payload[0] === 0) throw new FormatError('of a later version');
      return payload.subarray(0, 5_000);
    },
    onCorrupt: (key) => corrupt.push(key),
  });
});

async function write(key: RegisterKey, sequence: number, payload: Uint8Array, live = true): Promise<void> {
  await replica.accept([
    {
      partition: 7,
      ballot: BALLOT,
      chosenThrough: 0,
      entries: [{ key, sequence, value: { live, recent: [], payload } }],
    },
  ]);
  drive.valuesRead.length = 0;
}

describe('a scan of a replica', () => {
  it('gives versions and summaries without reading a value', async () => {
    await write('oa', 1, Buffer.from('one'));
    await write('ob', 2, Buffer.from('gone'), false);
    expect(await replica.scan('o', 'p', everything)).toEqual({
      registers: [
        { key: 'oa', version: version(1), live: true, summary: Buffer.from('one') },
        { key: 'ob', version: version(2), live: false, summary: Buffer.alloc(0) },
      ],
      next: null,
    });
    expect(drive.valuesRead).toEqual([]);
  });

  it('gives no summaries unless they are asked for', async () => {
    await write('oa', 1, Buffer.alloc(3_000, 1));
    const { registers } = await replica.scan('o', 'p', { ...everything, detail: false });
    expect(registers).toEqual([{ key: 'oa', version: version(1), live: true, summary: new Uint8Array() }]);
    expect(drive.valuesRead).toEqual([]);
  });

  it('makes long summaries from the value when they are asked for', async () => {
    const long = Buffer.alloc(3_000, 1);
    await write('oa', 1, long);
    const { registers } = await replica.scan('o', 'p', everything);
    expect(registers).toEqual([{ key: 'oa', version: version(1), live: true, summary: long }]);
    expect(drive.valuesRead).toEqual(['Roa']);
  });

  it('takes a learned register for what it is, too', async () => {
    const value = { live: true, recent: [], payload: Buffer.from('x') };
    await replica.learn([{ key: 'oa', version: version(4), value }], 0);
    const { registers } = await replica.scan('o', 'p', everything);
    expect(registers).toEqual([{ key: 'oa', version: version(4), live: true, summary: Buffer.from('x') }]);
  });

  it('accepts a payload of which no summary can be made', async () => {
    await write('oa', 1, Buffer.from([0, 1]));
    const { registers } = await replica.scan('o', 'p', { ...everything, detail: false });
    expect(registers).toMatchObject([{ key: 'oa', version: version(1) }]);
  });

  it('puts a register below all others, and tells of it, when its head is missing or makes no sense', async () => {
    const value = registerRecord.encode({
      version: version(1),
      value: { live: true, recent: [], payload: Buffer.from('x') },
    });
    await drive.commit([
      { kind: 'put', key: 'Roa', value },
      { kind: 'put', key: 'Rob', value, head: Buffer.from('?') },
    ]);
    const { registers } = await replica.scan('o', 'p', everything);
    expect(registers).toEqual(
      ['oa', 'ob'].map((key) => ({ key, version: UNREADABLE, live: false, summary: new Uint8Array() })),
    );
    expect(corrupt).toEqual(['oa', 'ob']);
    expect(await replica.isReadable('oa')).toBe(true);
  });

  it('does the same when a summary has to be made from a value that has rotted', async () => {
    await write('oa', 1, Buffer.alloc(3_000, 1));
    drive.rotten = 'Roa';
    const { registers } = await replica.scan('o', 'p', everything);
    expect(registers).toMatchObject([{ key: 'oa', version: UNREADABLE }]);
    expect(corrupt).toEqual(['oa']);
  });
});

describe('the pages of a scan', () => {
  const keys = Array.from({ length: 5_000 }, (_, at) => `o${String(at).padStart(5, '0')}`);

  async function pages(limit: number, isWanted: (key: RegisterKey) => boolean): Promise<string[][]> {
    const found: string[][] = [];
    for (let from: RegisterKey | null = 'o'; from !== null; ) {
      const page: Awaited<ReturnType<Acceptor['scan']>> = await replica.scan(from, 'p', {
        limit,
        detail: false,
        isWanted,
      });
      found.push(page.registers.map(({ key }) => key));
      from = page.next;
    }
    return found;
  }

  beforeEach(async () => {
    const entries = keys.map((key, at) => ({
      key,
      sequence: at + 1,
      value: { live: true, recent: [], payload: Buffer.from('x') },
    }));
    await replica.accept([{ partition: 7, ballot: BALLOT, chosenThrough: 0, entries }]);
  });

  it('hold as many wanted registers as the limit says, and together every one of them once', async () => {
    const found = await pages(100, (key) => key.endsWith('3'));
    expect(found.flat()).toEqual(keys.filter((key) => key.endsWith('3')));
    expect(found.map(({ length }) => length).filter((length) => length > 0)).toEqual([100, 100, 100, 100, 100]);
  });

  it('end after some looks, however few registers are wanted', async () => {
    const found = await pages(100, (key) => key === keys.at(-1));
    expect(found.length).toBeGreaterThan(2);
    expect(found.flat()).toEqual([keys.at(-1)]);
  });

  it('say at the end of the range that it is the end', async () => {
    expect((await pages(5_000, () => true)).flat()).toEqual(keys);
    const last = await replica.scan(keys.at(-1)!, 'p', { limit: 1, detail: false, isWanted: () => true });
    expect(last).toMatchObject({ registers: [{ key: keys.at(-1) }], next: null });
  });
});

describe('a set of partitions', () => {
  it('has exactly those that were put in', () => {
    const bits = partitionSet(130, (partition) => partition % 3 === 0);
    expect(bits.length).toBe(17);
    for (let partition = 0; partition < 140; partition++) {
      expect(hasPartition(bits, partition)).toBe(partition < 130 && partition % 3 === 0);
    }
  });
});
