// What every Disk must do, run on the real and on the simulated one (test/unit/disk-*.test.ts), so that what is proven
// on the simulated disk is not proven about a fiction. What only a power cut can show is tested on the simulated disk.
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Disk, DiskError, type DiskErrorKind } from '../../node/io/disk.ts';

export function diskContract(what: string, makeDisk: () => Promise<Disk>): void {
  describe(`${what} keeps the disk contract`, () => {
    let disk: Disk;
    beforeEach(async () => {
      disk = await makeDisk();
    });

    filesContract(() => disk);
    directoriesContract(() => disk);
  });
}

function filesContract(disk: () => Disk): void {
  it('reads back what was written in several pieces', async () => {
    const file = await disk().open('f', 'create');
    await file.write(0, [Buffer.from('hel'), Buffer.alloc(0), Buffer.from('lo')]);
    expect((await file.read(0, 5)).toString()).toBe('hello');
    await file.close();
  });

  it('writes more pieces in one call than one system call takes', async () => {
    const file = await disk().open('f', 'create');
    const pieces = Array.from({ length: 3_000 }, (_, index) => Buffer.from([index & 0xff, index >> 8]));
    await file.write(0, pieces);
    expect(await file.read(0, 10_000)).toEqual(Buffer.concat(pieces));
    await file.close();
  });

  it('keeps a file when it is opened again, and overwrites in place', async () => {
    const first = await disk().open('f', 'create');
    await first.write(0, [Buffer.from('abcdef')]);
    await first.close();
    const second = await disk().open('f', 'write');
    await second.write(2, [Buffer.from('XY')]);
    expect((await second.read(0, 100)).toString()).toBe('abXYef');
    await second.close();
  });

  it('reads short at the end of the file and nothing beyond it', async () => {
    const file = await disk().open('f', 'create');
    await file.write(0, [Buffer.from('abc')]);
    expect((await file.read(1, 10)).toString()).toBe('bc');
    expect((await file.read(3, 10)).length).toBe(0);
    expect((await file.read(1_000, 10)).length).toBe(0);
    await file.close();
  });

  it('fills the gap with zeros when a write starts beyond the end', async () => {
    const file = await disk().open('f', 'create');
    await file.write(10_000, [Buffer.from('x')]);
    expect(await file.sizeBytes()).toBe(10_001);
    expect(await file.read(0, 10_000)).toEqual(Buffer.alloc(10_000));
    await file.close();
  });

  it('truncates: what was cut off reads as zeros when the file grows again', async () => {
    const file = await disk().open('f', 'create');
    await file.write(0, [Buffer.from('abcdef')]);
    await file.truncate(2);
    expect(await file.sizeBytes()).toBe(2);
    await file.truncate(4);
    expect(await file.read(0, 10)).toEqual(Buffer.from('ab\0\0'));
    await file.close();
  });

  it('syncs a file and its directory', async () => {
    const file = await disk().open('f', 'create');
    await file.write(0, [Buffer.from('abc')]);
    await file.sync();
    await disk().syncDirectory('');
    await file.close();
  });

  it('gives the reader a buffer of its own', async () => {
    const file = await disk().open('f', 'create');
    await file.write(0, [Buffer.from('abc')]);
    (await file.read(0, 3)).fill(0);
    expect((await file.read(0, 3)).toString()).toBe('abc');
    await file.close();
  });

  it('refuses to write to a file that was opened for reading', async () => {
    await (await disk().open('f', 'create')).close();
    const file = await disk().open('f', 'read');
    await expectKind(file.write(0, [Buffer.from('x')]), 'refused');
    expect(await file.sizeBytes()).toBe(0);
    await file.close();
  });

  it('refuses every use of a closed file', async () => {
    const file = await disk().open('f', 'create');
    await file.close();
    await expectKind(file.read(0, 1), 'refused');
    await expectKind(file.write(0, [Buffer.from('x')]), 'refused');
    await expectKind(file.sync(), 'refused');
  });

  it('says not-found for a file that is not there, and exists for one that is', async () => {
    await expectKind(disk().open('f', 'read'), 'not-found');
    await expectKind(disk().open('f', 'write'), 'not-found');
    await expectKind(disk().open('d/f', 'create'), 'not-found');
    await (await disk().open('f', 'create')).close();
    await expectKind(disk().open('f', 'create'), 'exists');
  });

  it('says not-a-directory for a path through a file', async () => {
    await (await disk().open('f', 'create')).close();
    await expectKind(disk().open('f/g', 'create'), 'not-a-directory');
    await expectKind(disk().list('f'), 'not-a-directory');
    await expectKind(disk().syncDirectory('f'), 'not-a-directory');
  });

  it('refuses to open a directory as a file to write to', async () => {
    await disk().makeDirectory('d');
    await expectKind(disk().open('d', 'write'), 'refused');
  });

  it('never leaves its root', async () => {
    for (const path of ['..', '../f', 'd/../../f', '/etc/passwd', './f', 'd//f', 'f/', 'a\0b']) {
      await expect(async () => disk().open(path, 'create'), path).rejects.toThrow(RangeError);
      await expect(async () => disk().rename('f', path), path).rejects.toThrow();
      await expect(async () => disk().makeDirectory(path), path).rejects.toThrow(RangeError);
    }
    expect(await disk().list('')).toEqual([]);
  });
}

function directoriesContract(disk: () => Disk): void {
  afterEach(async () => {
    // Whatever a test did, the disk must still be a disk.
    expect(Array.isArray(await disk().list(''))).toBe(true);
  });

  it('lists names in order of their code units', async () => {
    for (const name of ['b', 'a10', 'B', 'a9', 'é']) await (await disk().open(name, 'create')).close();
    expect(await disk().list('')).toEqual(['B', 'a10', 'a9', 'b', 'é']);
  });

  it('makes a directory with its parents, and again without complaint', async () => {
    await disk().makeDirectory('a/b/c');
    await disk().makeDirectory('a/b/c');
    await disk().makeDirectory('a/b');
    expect(await disk().list('a')).toEqual(['b']);
    expect(await disk().list('a/b/c')).toEqual([]);
    await (await disk().open('a/b/c/f', 'create')).close();
    expect(await disk().list('a/b/c')).toEqual(['f']);
  });

  it('does not make a directory where a file is', async () => {
    await (await disk().open('f', 'create')).close();
    await expectKind(disk().makeDirectory('f'), 'exists');
    await expectKind(disk().makeDirectory('f/g'), 'not-a-directory');
  });

  it('replaces the target of a rename, while an open file goes on reading the old one', async () => {
    await writeFile(disk(), 'old', 'old');
    await writeFile(disk(), 'new', 'new');
    const held = await disk().open('old', 'read');
    await disk().rename('new', 'old');
    expect(await readFile(disk(), 'old')).toBe('new');
    expect((await held.read(0, 3)).toString()).toBe('old');
    expect(await disk().list('')).toEqual(['old']);
    await held.close();
  });

  it('renames between directories', async () => {
    await disk().makeDirectory('d');
    await writeFile(disk(), 'f', 'x');
    await disk().rename('f', 'd/g');
    expect(await disk().list('')).toEqual(['d']);
    expect(await readFile(disk(), 'd/g')).toBe('x');
  });

  it('says not-found for a rename, a removal, a listing or a sync of what is not there', async () => {
    await expectKind(disk().rename('f', 'g'), 'not-found');
    await expectKind(disk().remove('f'), 'not-found');
    await expectKind(disk().list('d'), 'not-found');
    await expectKind(disk().syncDirectory('d'), 'not-found');
  });

  it('removes a file once', async () => {
    await writeFile(disk(), 'f', 'x');
    await disk().remove('f');
    expect(await disk().list('')).toEqual([]);
    await expectKind(disk().remove('f'), 'not-found');
  });

  it('tells how much space there is', async () => {
    const { totalBytes, freeBytes } = await disk().space();
    expect(totalBytes).toBeGreaterThan(0);
    expect(freeBytes).toBeGreaterThan(0);
    expect(freeBytes).toBeLessThanOrEqual(totalBytes);
  });
}

export async function expectKind(work: Promise<unknown>, kind: DiskErrorKind): Promise<void> {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(DiskError);
  expect((error as DiskError).kind).toBe(kind);
}

export async function writeFile(disk: Disk, path: string, content: string): Promise<void> {
  const file = await disk.open(path, 'create');
  await file.write(0, [Buffer.from(content)]);
  await file.close();
}

export async function readFile(disk: Disk, path: string): Promise<string> {
  const file = await disk.open(path, 'read');
  const content = await file.read(0, await file.sizeBytes());
  await file.close();
  return content.toString();
}
