// What a drive does at its limits: a disk that takes half of a write, a log device that dies, a checkpoint that cannot keep up.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Disk, DiskError, type DiskFile } from '../../node/io/disk.ts';
import { openRealDisk } from '../../node/io/disk-real.ts';
import type { DriveStore, StoreOperation } from '../../node/storage/drive-store.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import type { Index, IndexFactory } from '../../node/storage/index-port.ts';
import { INDEX_DIRECTORY } from '../../node/storage/names.ts';
import { formatDrive, type OpenedDrive, openDrive } from '../../node/storage/open.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { simIndex } from '../simulation/sim-index.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { IDENTITY } from '../support/drives.ts';
import { stillClock } from '../support/still-clock.ts';

const put = (key: string, value: Uint8Array | string): StoreOperation => ({
  kind: 'put',
  key,
  value: Buffer.from(value),
});
const random = () => new SimRandom('generations');

async function formatted(opening: Promise<OpenedDrive>): Promise<Extract<OpenedDrive, { kind: 'formatted' }>> {
  const opened = await opening;
  if (opened.kind !== 'formatted') throw new Error(JSON.stringify(opened));
  return opened;
}

async function valuesOf(store: DriveStore): Promise<string[]> {
  return (await store.range('', '', 1_000)).map(({ key, value }) => `${key}=${value.length}`);
}

describe('a disk that has space for a part of a batch only', () => {
  /** The next write stores so many bytes and then finds no space, as a real disk does. */
  function partlyFull(disk: Disk, fault: { takesBytes: number | null }): Disk {
    const wrapped = (file: DiskFile): DiskFile => ({
      read: (offset, length) => file.read(offset, length),
      sync: () => file.sync(),
      truncate: (sizeBytes) => file.truncate(sizeBytes),
      sizeBytes: () => file.sizeBytes(),
      close: () => file.close(),
      write: async (offset, pieces) => {
        if (fault.takesBytes === null) return file.write(offset, pieces);
        await file.write(offset, [Buffer.concat(pieces).subarray(0, fault.takesBytes)]);
        fault.takesBytes = null;
        throw new DiskError('no-space', 'injected: the disk is full');
      },
    });
    return {
      name: disk.name,
      open: async (path, mode) => wrapped(await disk.open(path, mode)),
      rename: (from, to) => disk.rename(from, to),
      remove: (path) => disk.remove(path),
      makeDirectory: (path) => disk.makeDirectory(path),
      list: (path) => disk.list(path),
      syncDirectory: (path) => disk.syncDirectory(path),
      space: () => disk.space(),
    };
  }

  it.each([1, 21, 3_000, 9_000])(
    'rejects the whole batch after %i bytes of it, and no crash brings it back',
    async (takesBytes) => {
      const directory = await mkdtemp(join(tmpdir(), 'ashlar-full-'));
      const fault: { takesBytes: number | null } = { takesBytes: null };
      const disk = partlyFull(await openRealDisk(directory), fault);
      const index = diskIndex(join(directory, INDEX_DIRECTORY));
      await formatDrive({ disk, identity: IDENTITY, random: random() });
      const { store } = await formatted(openDrive({ disk, index, clock: stillClock(), random: random() }));
      await store.commit([put('before', 'x')]);

      fault.takesBytes = takesBytes;
      const batch = [1, 2, 3].map((i) => store.commit([put(`a${i}`, Buffer.alloc(4_000)), put(`b${i}`, 'x')]));
      const outcomes = await Promise.allSettled(batch);
      expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'rejected', 'rejected']);
      for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: { kind: 'no-space' } });
      expect(await valuesOf(store)).toEqual(['before=1']);
      expect((await store.status()).failure).toBeNull();
      await store.commit([put('after', 'xy')]);

      // The process is killed here: it never gets to close.
      const again = await formatted(openDrive({ disk, index, clock: stillClock(), random: random() }));
      expect(await valuesOf(again.store)).toEqual(['after=2', 'before=1']);
      expect(again.recovery).toMatchObject({ records: 2, tornBytes: 0 });
      await again.store.close();
      await store.close();
      await rm(directory, { recursive: true });
    },
  );
});

describe('a drive whose log device dies', () => {
  const start = async (drive: SimDisk, log: SimDisk | null) => {
    const disk = drive.mount();
    const logDisk = log === null ? {} : { log: log.mount() };
    return openDrive({ disk, ...logDisk, index: simIndex(disk), clock: stillClock(), random: random() });
  };

  it('takes no more writes, names the device, reads on, and is refused until it is formatted anew', async () => {
    const drive = new SimDisk({ name: 'the drive', random: new SimRandom(1) });
    const log = new SimDisk({ name: 'the log device', random: new SimRandom(2) });
    await formatDrive({ disk: drive.mount(), log: log.mount(), identity: IDENTITY, random: random() });
    const { store } = await formatted(start(drive, log));
    await store.commit([put('a', '1'), put('long', Buffer.alloc(5_000))]);
    log.faults.writeErrorChance = 1;
    log.faults.syncErrorChance = 1;
    await expect(store.commit([put('b', '1')])).rejects.toMatchObject({ kind: 'io' });
    await expect(store.commit([put('c', '1')])).rejects.toMatchObject({ kind: 'read-only' });
    expect((await store.status()).failure).toMatch(/injected|the log device/);
    expect(await valuesOf(store)).toEqual(['a=1', 'long=5000']);
    expect(await start(drive, null)).toMatchObject({ kind: 'refused', code: 'log-missing' });

    const blank = new SimDisk({ name: 'another device', random: new SimRandom(3) });
    expect(await start(drive, blank)).toMatchObject({
      kind: 'refused',
      code: 'log-missing',
      reason: expect.stringContaining('another device is not the log device of the drive'),
    });
    expect(blank.medium.files()).toEqual([]);
  });
});

describe('a checkpoint that cannot keep up', () => {
  const LIMIT_BYTES = 200_000;
  const VALUE_BYTES = 5_000;

  /** Transactions wait until they are let go, one at a time. */
  function slowIndex(open: IndexFactory): { index: IndexFactory; applied: () => number } {
    let applied = 0;
    const slow = (index: Index): Index => ({
      get: (key) => index.get(key),
      range: (from, to, limit) => index.range(from, to, limit),
      state: () => index.state(),
      space: () => index.space(),
      close: () => index.close(),
      apply: async (changes, state) => {
        for (let turn = 0; turn < 2_000; turn++) await Promise.resolve();
        await index.apply(changes, state);
        applied++;
      },
    });
    return { index: async () => slow(await open()), applied: () => applied };
  }

  it('holds writers up rather than let the log grow, so that a restart reads a bounded part of it', async () => {
    const sim = new SimDisk({ name: 'd1', random: new SimRandom(1) });
    await formatDrive({ disk: sim.mount(), identity: IDENTITY, random: random() });
    const disk = sim.mount();
    const { index, applied } = slowIndex(simIndex(disk));
    const tuning = { checkpointLogBytes: LIMIT_BYTES, memtableBytes: 2 ** 30, indexTransactionEntries: 8 };
    const { store } = await formatted(openDrive({ disk, index, clock: stillClock(), random: random(), tuning }));
    const writer = async (name: number) => {
      for (let i = 0; i < 100; i++) await store.commit([put(`${name}/${i}`, Buffer.alloc(VALUE_BYTES))]);
    };
    await Promise.all([1, 2, 3, 4, 5, 6, 7, 8].map(writer));
    const writtenBytes = 800 * VALUE_BYTES;
    expect(applied()).toBeGreaterThan(10);
    sim.kill();

    const mounted = sim.mount();
    const options = { disk: mounted, index: simIndex(mounted), clock: stillClock(), random: random() };
    const { recovery, store: again } = await formatted(openDrive(options));
    expect(writtenBytes).toBeGreaterThan(15 * LIMIT_BYTES);
    expect(recovery.bytes).toBeLessThan(4 * LIMIT_BYTES + 8 * (VALUE_BYTES + 200));
    expect(await valuesOf(again)).toHaveLength(800);
  });

  it('is not waited for by the writes that it waits for itself', async () => {
    const disk = new SimDisk({ name: 'd1', random: new SimRandom(1) }).mount();
    await formatDrive({ disk, identity: IDENTITY, random: random() });
    const tuning = { memtableBytes: 100_000 };
    const options = { disk, index: simIndex(disk), clock: stillClock(), random: random(), tuning };
    const { store } = await formatted(openDrive(options));
    // Each is a frame of its own, and all but the first are in line before the checkpoint that the first makes due.
    const commits = Array.from({ length: 4 }, (_, n) =>
      store.commit(Array.from({ length: 3_000 }, (_, i) => put(`${n}/${i}`, Buffer.alloc(1_000)))),
    );
    await Promise.all(commits);
    expect(await store.heads('', '', 100_000)).toHaveLength(12_000);
  });
});
