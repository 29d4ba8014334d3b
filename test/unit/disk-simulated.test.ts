import { describe, expect, it } from 'vitest';
import type { Disk } from '../../node/io/disk.ts';
import { diskContract, expectKind, readFile, writeFile } from '../contract/disk-contract.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { SimRandom } from '../simulation/sim-random.ts';

const makeDisk = (seed: number | string = 1, capacityBytes = 2 ** 20) =>
  new SimDisk({ name: 'd1', random: new SimRandom(seed), capacityBytes });

diskContract('the simulated disk', async () => makeDisk().mount());

/** The outcomes of one story over many crashes. */
async function outcomes(story: (disk: SimDisk) => Promise<void>, look: (disk: Disk) => Promise<string>) {
  const seen = new Set<string>();
  for (let seed = 0; seed < 200; seed++) {
    const disk = makeDisk(seed);
    await story(disk);
    disk.crash();
    seen.add(await look(disk.mount()));
  }
  return [...seen].sort();
}

const contentOf = (path: string) => async (disk: Disk) => readFile(disk, path).catch(() => 'absent');
const namesOf = async (disk: Disk) => (await disk.list('')).join(',');

describe('a power cut on the simulated disk', () => {
  it('keeps what was synced together with its directory', async () => {
    const seen = await outcomes(async (disk) => {
      const port = disk.mount();
      const file = await port.open('f', 'create');
      await file.write(0, [Buffer.from('abc')]);
      await file.sync();
      await port.syncDirectory('');
    }, contentOf('f'));
    expect(seen).toEqual(['abc']);
  });

  it('may lose or keep an unsynced write, and may leave the grown size without the bytes', async () => {
    const seen = await outcomes(async (disk) => {
      const port = disk.mount();
      const file = await port.open('f', 'create');
      await port.syncDirectory('');
      await file.write(0, [Buffer.from('abc')]);
    }, contentOf('f'));
    expect(seen).toEqual(['', '\0\0\0', 'abc']);
  });

  it('may keep a later write and lose an earlier one', async () => {
    const seen = await outcomes(async (disk) => {
      const port = disk.mount();
      const file = await port.open('f', 'create');
      await file.write(0, [Buffer.from('____')]);
      await file.sync();
      await port.syncDirectory('');
      await file.write(0, [Buffer.from('a')]);
      await file.write(2, [Buffer.from('b')]);
    }, contentOf('f'));
    expect(seen).toEqual(['____', '__b_', 'a___', 'a_b_']);
  });

  it('tears writes at sectors of 512 bytes and nowhere else', async () => {
    const seen = await outcomes(
      async (disk) => {
        const port = disk.mount();
        const file = await port.open('f', 'create');
        await file.write(0, [Buffer.alloc(1024, '_')]);
        await file.sync();
        await port.syncDirectory('');
        await file.write(500, [Buffer.alloc(24, 'x')]);
      },
      async (disk) => (await readFile(disk, 'f')).slice(496, 528),
    );
    const old = '_'.repeat(32);
    expect(seen).toEqual(
      [
        old,
        `____${'x'.repeat(24)}____`,
        `____${'x'.repeat(12)}${'_'.repeat(16)}`,
        `${'_'.repeat(16)}${'x'.repeat(12)}____`,
      ].sort(),
    );
  });

  it('may lose a synced file whose directory was not synced', async () => {
    const seen = await outcomes(async (disk) => {
      const file = await disk.mount().open('f', 'create');
      await file.write(0, [Buffer.from('abc')]);
      await file.sync();
    }, contentOf('f'));
    expect(seen).toEqual(['abc', 'absent']);
  });

  it('never shows half a rename', async () => {
    const seen = await outcomes(
      async (disk) => {
        const port = disk.mount();
        for (const [name, content] of [
          ['f', 'old'],
          ['f.new', 'new'],
        ] as const) {
          const file = await port.open(name, 'create');
          await file.write(0, [Buffer.from(content)]);
          await file.sync();
        }
        await port.syncDirectory('');
        await port.rename('f.new', 'f');
      },
      async (disk) => `${await namesOf(disk)}=${await readFile(disk, 'f')}`,
    );
    expect(seen).toEqual(['f,f.new=old', 'f=new']);
  });

  it('may bring back a removed file until the directory is synced', async () => {
    const removeF = (sync: boolean) => async (disk: SimDisk) => {
      const port = disk.mount();
      await writeFile(port, 'f', '');
      await port.syncDirectory('');
      await port.remove('f');
      if (sync) await port.syncDirectory('');
    };
    expect(await outcomes(removeF(false), namesOf)).toEqual(['', 'f']);
    expect(await outcomes(removeF(true), namesOf)).toEqual(['']);
  });

  it('loses a directory that was made and not synced in its parent, with all that is in it', async () => {
    const seen = await outcomes(async (disk) => {
      const port = disk.mount();
      await port.makeDirectory('d');
      const file = await port.open('d/f', 'create');
      await file.sync();
      await port.syncDirectory('d');
    }, contentOf('d/f'));
    expect(seen).toEqual(['', 'absent']);
  });

  it('covers with a sync only the writes that were complete when it was asked for', async () => {
    let lost = false;
    for (let seed = 0; seed < 100; seed++) {
      const scheduler = new Scheduler();
      const disk = makeDisk(seed);
      const port = disk.mount(scheduler);
      await scheduler.runToEnd(
        'the story',
        (async () => {
          const file = await port.open('f', 'create');
          await port.syncDirectory('');
          const write = file.write(0, [Buffer.from('abc')]);
          await Promise.all([write, file.sync()]);
        })(),
      );
      disk.crash();
      lost ||= (await readFile(disk.mount(), 'f')) !== 'abc';
    }
    expect(lost).toBe(true);
  });

  it('never settles the operations that it interrupted', async () => {
    const scheduler = new Scheduler();
    const disk = makeDisk();
    let settled = false;
    disk
      .mount(scheduler)
      .open('f', 'create')
      .then(
        () => (settled = true),
        () => (settled = true),
      );
    disk.crash();
    await scheduler.runUntilIdle();
    expect(settled).toBe(false);
  });

  it('keeps every completed write when only the process dies', async () => {
    const disk = makeDisk();
    await writeFile(disk.mount(), 'f', 'abc');
    disk.kill();
    expect(await readFile(disk.mount(), 'f')).toBe('abc');
  });
});

describe('faults of the simulated disk', () => {
  it('fails the next operation that is meant, once', async () => {
    const disk = makeDisk();
    const port = disk.mount();
    await writeFile(port, 'f', 'abc');
    await writeFile(port, 'g', 'def');
    disk.failNext('read', 'io', (path) => path === 'f');
    expect(await readFile(port, 'g')).toBe('def');
    await expectKind(readFile(port, 'f'), 'io');
    expect(await readFile(port, 'f')).toBe('abc');
  });

  it('does not make durable by a second sync what a failed sync should have', async () => {
    const seen = await outcomes(async (disk) => {
      const port = disk.mount();
      const file = await port.open('f', 'create');
      await port.syncDirectory('');
      await file.write(0, [Buffer.from('abc')]);
      disk.failNext('sync', 'io');
      await expectKind(file.sync(), 'io');
      await file.sync();
      expect((await file.read(0, 3)).toString()).toBe('abc');
    }, contentOf('f'));
    expect(seen).toEqual(['', 'abc']);
  });

  it('takes what fits and says no-space for the rest', async () => {
    const port = makeDisk(1, 10_000).mount();
    const file = await port.open('f', 'create');
    await file.write(0, [Buffer.alloc(9_000)]);
    await expectKind(file.write(9_000, [Buffer.alloc(2_000)]), 'no-space');
    expect(await file.sizeBytes()).toBe(10_000);
    await file.write(0, [Buffer.alloc(9_000, 1)]);
    await port.remove('f');
    expect(await port.space()).toEqual({ totalBytes: 10_000, freeBytes: 10_000 });
  });

  it('flips exactly one bit', async () => {
    const disk = makeDisk();
    const port = disk.mount();
    const file = await port.open('f', 'create');
    await file.write(0, [Buffer.alloc(100)]);
    await file.sync();
    const flipped = disk.flipRandomBit();
    const content = await file.read(0, 100);
    expect(flipped?.path).toBe('f');
    expect([...content].filter((byte) => byte !== 0)).toHaveLength(1);
    expect(Math.log2(content[flipped!.offset]!) % 1).toBe(0);
  });

  it('writes what the pieces hold when the write happens, so that early reuse shows', async () => {
    const scheduler = new Scheduler();
    const port = makeDisk().mount(scheduler);
    const piece = Buffer.from('abc');
    const content = await scheduler.runToEnd(
      'the write',
      (async () => {
        const file = await port.open('f', 'create');
        const write = file.write(0, [piece]);
        piece.fill('x');
        await write;
        return file.read(0, 3);
      })(),
    );
    expect(content.toString()).toBe('xxx');
  });

  it('counts operations and bytes', async () => {
    const disk = makeDisk();
    const port = disk.mount();
    await writeFile(port, 'f', 'abc');
    await readFile(port, 'f');
    await port.syncDirectory('');
    expect(disk.counters).toEqual({
      reads: 1,
      writes: 1,
      syncs: 0,
      directorySyncs: 1,
      readBytes: 3,
      writtenBytes: 3,
    });
  });

  it('tells the same story for the same seed', async () => {
    const run = async () => {
      const disk = makeDisk(42);
      const port = disk.mount();
      const file = await port.open('f', 'create');
      await port.syncDirectory('');
      for (let i = 0; i < 50; i++) await file.write(i * 700, [Buffer.alloc(700, i)]);
      disk.crash();
      return readFile(disk.mount(), 'f');
    };
    expect(await run()).toBe(await run());
  });
});
