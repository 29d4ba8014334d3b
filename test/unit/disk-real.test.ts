import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { afterShortWrite, openRealDisk } from '../../node/io/disk-real.ts';
import { diskContract, expectKind } from '../contract/disk-contract.ts';

const directories: string[] = [];

async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-disk-'));
  directories.push(directory);
  return directory;
}

afterAll(async () => {
  for (const directory of directories) await rm(directory, { recursive: true });
});

diskContract('the real disk', async () => openRealDisk(await makeDirectory()));

describe('the real disk', () => {
  it('is not opened where there is no directory', async () => {
    const directory = await makeDirectory();
    await writeFile(join(directory, 'file'), '');
    await expectKind(openRealDisk(join(directory, 'absent')), 'not-found');
    await expectKind(openRealDisk(join(directory, 'file')), 'not-a-directory');
  });

  it('does not follow a symbolic link out of its root', async () => {
    const directory = await makeDirectory();
    await mkdir(join(directory, 'root'));
    await writeFile(join(directory, 'outside'), 'secret');
    await symlink(join(directory, 'outside'), join(directory, 'root', 'link'));
    const disk = await openRealDisk(join(directory, 'root'));
    await expectKind(disk.open('link', 'read'), 'refused');
  });

  it('says no-space when the device is full, and names the file', async () => {
    // /dev/full fails every write with ENOSPC.
    const disk = await openRealDisk('/dev');
    const file = await disk.open('full', 'write');
    await expectKind(file.write(0, [Buffer.from('x')]), 'no-space');
    await expect(file.write(0, [Buffer.from('x')])).rejects.toThrow('/dev/full');
    await file.close();
  });

  it('goes on after a short write where the system stopped', () => {
    const pieces = [Buffer.from('ab'), Buffer.from('cde'), Buffer.from('f')];
    const text = (left: Uint8Array[]) => left.map((piece) => Buffer.from(piece).toString());
    expect(text(afterShortWrite(pieces, 0))).toEqual(['ab', 'cde', 'f']);
    expect(text(afterShortWrite(pieces, 1))).toEqual(['b', 'cde', 'f']);
    expect(text(afterShortWrite(pieces, 2))).toEqual(['cde', 'f']);
    expect(text(afterShortWrite(pieces, 4))).toEqual(['e', 'f']);
    expect(text(afterShortWrite(pieces, 6))).toEqual([]);
  });
});
