// What opening a directory as a drive says: blank, a drive, or a precise refusal that changes nothing.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Disk } from '../../node/io/disk.ts';
import { systemRandom } from '../../node/io/random.ts';
import type { DriveStore } from '../../node/storage/drive-store.ts';
import { DRIVE_IDENTITY, DriveRefusal } from '../../node/storage/identity.ts';
import { formatDrive, inspectDrive, openDrive } from '../../node/storage/open.ts';
import { seal } from '../../node/storage/sealed.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { simIndex } from '../simulation/sim-index.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { type DrivePlace, format, IDENTITY, open, openFormatted, placeOn, realPlace } from '../support/drives.ts';
import { ManualClock } from '../support/manual-clock.ts';

const newDisk = (name = 'd1') => new SimDisk({ name, random: new SimRandom(name) });

async function write(disk: Disk, path: string, content: Buffer): Promise<void> {
  const file = await disk.open(path, 'create');
  await file.write(0, [content]);
  await file.sync();
  await file.close();
  await disk.syncDirectory('');
}

async function refusal(sim: SimDisk, log?: Disk): Promise<{ code: string; reason: string }> {
  const opened = await open(placeOn(sim), log && { log });
  if (opened.kind !== 'refused') throw new Error(`not refused, but ${opened.kind}`);
  return { code: opened.code, reason: opened.reason };
}

/** Some records, a checkpoint in the middle. */
async function used(sim: SimDisk, log?: SimDisk): Promise<void> {
  const options = log === undefined ? {} : { log: log.mount() };
  await format(placeOn(sim), options.log);
  const store = (await openFormatted(placeOn(sim), options)).store;
  for (let i = 0; i < 5; i++) await put(store, `a${i}`);
  await store.close();
  const again = (await openFormatted(placeOn(sim), options)).store;
  for (let i = 0; i < 5; i++) await put(again, `b${i}`);
}

const put = (store: DriveStore, key: string) => store.commit([{ kind: 'put', key, value: Buffer.alloc(100, key) }]);
const logFiles = (sim: SimDisk) => sim.medium.files().filter((path) => path.startsWith('log/'));

describe('a directory that is not a drive yet', () => {
  it('is blank when it is empty, and when it holds only what file systems and formatting leave', async () => {
    const sim = newDisk();
    expect(await open(placeOn(sim))).toEqual({ kind: 'blank' });
    await sim.mount().makeDirectory('lost+found');
    await write(sim.mount(), 'identity.new', Buffer.from('half'));
    expect(await open(placeOn(sim))).toEqual({ kind: 'blank' });
    await format(placeOn(sim));
    expect((await openFormatted(placeOn(sim))).identity).toEqual(IDENTITY);
  });

  it('is refused when it holds other files, and they are not touched', async () => {
    const sim = newDisk();
    await write(sim.mount(), 'photo.jpg', Buffer.from('dear'));
    expect(await refusal(sim)).toMatchObject({ code: 'foreign-files', reason: expect.stringContaining('photo.jpg') });
    await expect(format(placeOn(sim))).rejects.toThrow(DriveRefusal);
    expect(sim.medium.files()).toEqual(['photo.jpg']);
  });

  it('is formatted once only', async () => {
    const sim = newDisk();
    await format(placeOn(sim));
    await expect(format(placeOn(sim))).rejects.toMatchObject({ code: 'foreign-files' });
  });

  it('is refused when the disk answers with errors', async () => {
    const sim = newDisk();
    sim.failNext('list', 'io');
    expect(await refusal(sim)).toMatchObject({ code: 'unreadable' });
  });
});

describe('a drive whose identity is not right', () => {
  it('is refused when any bit of it has changed, and never taken for blank', async () => {
    const sim = newDisk();
    await format(placeOn(sim));
    const sizeBytes = sim.medium.file('identity').durable.sizeBytes;
    for (let offset = 0; offset < sizeBytes; offset++) {
      sim.flipBit('identity', offset, offset % 8);
      expect((await refusal(sim)).code).toBe('identity-corrupt');
      sim.flipBit('identity', offset, offset % 8);
    }
    expect(await inspectDrive(sim.mount())).toEqual({ kind: 'formatted', identity: IDENTITY });
  });

  it('is refused when it was formatted by another version', async () => {
    const sim = newDisk();
    const encoded = DRIVE_IDENTITY.encode({ ...IDENTITY, logId: null });
    encoded[0] = 2;
    await write(sim.mount(), 'identity', seal('ASHLRDRV', encoded));
    expect(await refusal(sim)).toMatchObject({ code: 'version-unknown', reason: expect.stringContaining('version 2') });
  });
});

describe('a drive whose log or index is not right', () => {
  let sim: SimDisk;
  beforeEach(async () => {
    sim = newDisk();
    await used(sim);
  });

  it('opens when nothing is wrong, and says what it recovered', async () => {
    const { store, recovery } = await openFormatted(placeOn(sim));
    expect(recovery).toMatchObject({ records: 5, tornBytes: 0 });
    expect(recovery.bytes).toBeGreaterThan(500);
    expect(await store.range('', '', 100)).toHaveLength(10);
  });

  it('is refused when a record is damaged that others follow', async () => {
    const [log] = logFiles(sim);
    sim.flipBit(log!, sim.medium.file(log!).durable.sizeBytes - 400, 0);
    expect(await refusal(sim)).toMatchObject({
      code: 'log-corrupt',
      reason: expect.stringContaining('damaged at byte'),
    });
  });

  it('cuts a torn record from the end', async () => {
    const [log] = logFiles(sim);
    const file = await sim.mount().open(log!, 'write');
    await file.truncate((await file.sizeBytes()) - 10);
    const { store, recovery } = await openFormatted(placeOn(sim));
    expect(recovery.records).toBe(4);
    expect(recovery.tornBytes).toBeGreaterThan(100);
    await put(store, 'after');
    expect(await store.range('b', '', 100)).toHaveLength(4);
  });

  it('is refused when the log is shorter than the index says', async () => {
    const [log] = logFiles(sim);
    const file = await sim.mount().open(log!, 'write');
    await file.truncate(200);
    expect((await refusal(sim)).code).toBe('log-lost');
  });

  it('is refused when the log is gone', async () => {
    for (const path of logFiles(sim)) sim.medium.remove(path);
    expect((await refusal(sim)).code).toBe('log-lost');
  });

  it('is refused when the header of the log is damaged', async () => {
    sim.flipBit(logFiles(sim)[0]!, 20, 0);
    expect((await refusal(sim)).code).toBe('log-corrupt');
  });

  it('is refused when the index is gone but the log goes on from it', async () => {
    const small = newDisk('small');
    await format(placeOn(small));
    const clock = new ManualClock();
    const tuning = { recordFileBytes: 1_000 };
    const store = (await openFormatted(placeOn(small), { tuning, clock })).store;
    for (let i = 0; i < 50; i++) await put(store, `k${i}`);
    await store.close();
    expect(logFiles(small)[0]).not.toContain('000000000001.log');
    small.medium.remove('index/journal');
    expect((await refusal(small)).code).toBe('index-lost');
  });

  it('is refused when the state in the index is damaged, or that of another drive', async () => {
    const index = await simIndex(sim.mount())();
    const state = index.state()!;
    const damaged = Buffer.from(state);
    damaged[20] = damaged[20]! ^ 1;
    await index.apply([], damaged);
    await index.close();
    expect((await refusal(sim)).code).toBe('index-corrupt');

    const other = newDisk('other');
    const identity = { ...IDENTITY, driveId: 'e'.repeat(32) };
    await formatDrive({ disk: other.mount(), identity, random: systemRandom() });
    const otherIndex = await simIndex(other.mount())();
    await otherIndex.apply([], state);
    await otherIndex.close();
    expect((await refusal(other)).code).toBe('index-corrupt');
  });

  it('is refused when it holds the log of another drive', async () => {
    const other = newDisk('other');
    const identity = { ...IDENTITY, driveId: 'e'.repeat(32) };
    await formatDrive({ disk: other.mount(), identity, random: systemRandom() });
    const [path] = logFiles(sim);
    const content = sim.medium.file(path!).durable.read(0, 100_000);
    await other.mount().makeDirectory('log');
    await write(other.mount(), path!, content);
    expect((await refusal(other)).code).toBe('log-corrupt');
  });
});

describe('a drive with a log device', () => {
  let sim: SimDisk;
  let log: SimDisk;
  beforeEach(async () => {
    sim = newDisk('d1');
    log = newDisk('wal');
    await used(sim, log);
  });

  it('opens with it', async () => {
    const { store } = await openFormatted(placeOn(sim), { log: log.mount() });
    expect(await store.range('', '', 100)).toHaveLength(10);
  });

  it('sees no sync of its own for a commit', async () => {
    const { store } = await openFormatted(placeOn(sim), { log: log.mount(), clock: new ManualClock() });
    const before = { drive: sim.counters.syncs, log: log.counters.syncs, status: await store.status() };
    for (let i = 0; i < 20; i++) await put(store, `c${i}`);
    expect(sim.counters.syncs - before.drive).toBe(0);
    expect(log.counters.syncs - before.log).toBe(20);
    const status = await store.status();
    expect(status.driveSyncs - before.status.driveSyncs).toBe(0);
    expect(status.logSyncs - before.status.logSyncs).toBe(20);
  });

  it('goes on filling the same segment after a restart', async () => {
    const segments = () => sim.medium.files().filter((path) => path.startsWith('segments/'));
    for (let i = 0; i < 3; i++) {
      const { store } = await openFormatted(placeOn(sim), { log: log.mount() });
      await store.commit([{ kind: 'put', key: `long${i}`, value: Buffer.alloc(5_000, `${i}`) }]);
      await store.close();
      expect(segments()).toHaveLength(1);
    }
    const { store } = await openFormatted(placeOn(sim), { log: log.mount() });
    for (let i = 0; i < 3; i++) expect(await store.get(`long${i}`)).toEqual(Buffer.alloc(5_000, `${i}`));
  });

  it('is refused without it', async () => {
    expect((await refusal(sim)).code).toBe('log-missing');
  });

  it('is refused with an empty one, and that is not formatted', async () => {
    const empty = newDisk('empty');
    expect((await refusal(sim, empty.mount())).code).toBe('log-missing');
    expect(empty.medium.files()).toEqual([]);
  });

  it("is refused with another drive's, by name", async () => {
    const [other, otherLog] = [newDisk('d2'), newDisk('wal2')];
    const identity = { ...IDENTITY, driveId: 'e'.repeat(32), slot: 'a1/d2' };
    await formatDrive({ disk: other.mount(), log: otherLog.mount(), identity, random: systemRandom() });
    expect(await refusal(sim, otherLog.mount())).toMatchObject({
      code: 'log-foreign',
      reason: expect.stringContaining('a1/d2'),
    });
  });

  it('is refused when the log device was wiped and given its identity back', async () => {
    for (const path of logFiles(log)) log.medium.remove(path);
    expect((await refusal(sim, log.mount())).code).toBe('log-lost');
  });

  it('is refused when a drive that has none is given one', async () => {
    const plain = newDisk('plain');
    await format(placeOn(plain));
    expect((await refusal(plain, log.mount())).code).toBe('log-unexpected');
  });

  it('cannot take a log device that is in use', async () => {
    const other = newDisk('d2');
    const formatting = formatDrive({
      disk: other.mount(),
      log: log.mount(),
      identity: IDENTITY,
      random: systemRandom(),
    });
    await expect(formatting).rejects.toMatchObject({ code: 'foreign-files' });
    expect(await open(placeOn(other))).toEqual({ kind: 'blank' });
  });
});

describe('a real drive', () => {
  let place: DrivePlace;
  beforeEach(async () => {
    place = await realPlace();
  });
  afterEach(() => place.release());

  it('is opened by one process only, and free again when that has closed it', async () => {
    await format(place);
    const { store } = await openFormatted(place);
    expect(await open(place)).toMatchObject({ kind: 'refused', code: 'in-use' });
    await store.commit([{ kind: 'put', key: 'a', value: Buffer.from('1') }]);
    await store.close();
    const again = await openFormatted(place);
    expect(Buffer.from((await again.store.get('a'))!).toString()).toBe('1');
    await again.store.close();
  });

  it('is refused while another process holds it, and free as soon as that is killed', async () => {
    await format(place);
    const { disk } = await place.mount();
    const script = `
      import { fileLock } from ${JSON.stringify(new URL('../../node/storage/drive-lock.ts', import.meta.url).href)};
      await fileLock(${JSON.stringify(disk.name)})();
      console.log('locked');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    expect(await open(place)).toMatchObject({ kind: 'refused', code: 'in-use' });
    child.kill('SIGKILL');
    await once(child, 'exit');
    const { store } = await openFormatted(place);
    await store.close();
  });
});

describe('a path that is no directory', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ashlar-open-'));
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  it('is refused as what it is', async () => {
    const { openRealDisk } = await import('../../node/io/disk-real.ts');
    const path = join(directory, 'd1');
    await mkdir(path);
    const disk = await openRealDisk(path);
    await rm(path, { recursive: true });
    const options = { disk, index: simIndex(disk), clock: new ManualClock(), random: systemRandom() };
    expect(await openDrive(options)).toMatchObject({ kind: 'refused', code: 'not-found' });
    await writeFile(path, 'a file');
    expect(await openDrive(options)).toMatchObject({ kind: 'refused', code: 'not-a-directory' });
  });
});
