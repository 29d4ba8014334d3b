// The last resort in parts: which copy of a register holds, where keys go in a file system, which directories are drives.
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { registerQuorums } from '../../node/core/quorum.ts';
import { openRealDisk } from '../../node/io/disk-real.ts';
import { systemRandom } from '../../node/io/random.ts';
import { closeAll, openDirectories } from '../../node/offline/directories.ts';
import { fsck } from '../../node/offline/fsck.ts';
import { type Copy, judge } from '../../node/offline/judgement.ts';
import { bucketPath, keyOfPath, objectPath } from '../../node/offline/object-paths.ts';
import type { OfflineError } from '../../node/offline/offline-error.ts';
import { fileLock } from '../../node/storage/drive-lock.ts';
import type { DriveIdentity } from '../../node/storage/drive-store.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import { formatDrive, INDEX_DIRECTORY, openDrive } from '../../node/storage/open.ts';
import { stillClock } from '../support/still-clock.ts';

const QUORUMS = registerQuorums({ k: 4, m: 2 });

const copy = (round: number, sequence: number, props: Partial<Copy> = {}): Copy => ({
  version: { ballot: { round, proposer: '00'.repeat(8) }, sequence },
  isReplica: true,
  isMarked: false,
  ...props,
});
const name = ({ version }: Copy) => `${version.ballot.round}.${version.sequence}`;
const judged = (copies: Copy[], replicasHere: number, quorums = QUORUMS) => {
  const { certainty, candidates } = judge(copies, replicasHere, quorums);
  return [certainty, ...candidates.map(name)];
};

describe('the copy of a register that holds', () => {
  it('has five replicas in 4+2, of which three decide and three tell', () => {
    expect(QUORUMS).toEqual({ replicas: 5, write: 3, takeOver: 3 });
  });

  it('is decided when a write quorum has it', () => {
    expect(judged([copy(2, 7), copy(2, 7), copy(2, 7), copy(1, 9)], 4)).toEqual(['decided', '2.7', '1.9']);
    expect(judged([copy(2, 7), copy(2, 7), copy(2, 7)], 3)).toEqual(['decided', '2.7']);
  });

  it('is the newest, by ballot before sequence, when enough replicas are here to know of all that was decided', () => {
    expect(judged([copy(1, 9), copy(2, 1), copy(1, 9)], 3)).toEqual(['newest', '2.1', '1.9']);
    expect(judged([copy(1, 9)], 3)).toEqual(['newest', '1.9']);
  });

  it('is decided when a replica knows that it is, and none that is missing can know better', () => {
    expect(judged([copy(2, 1, { isMarked: true }), copy(1, 1)], 3)).toEqual(['decided', '2.1', '1.1']);
    expect(judged([copy(2, 1, { isMarked: true }), copy(1, 1)], 2)).toEqual(['uncertain', '2.1', '1.1']);
    expect(judged([copy(2, 1), copy(1, 1, { isMarked: true })], 3)).toEqual(['newest', '2.1', '1.1']);
  });

  it('is uncertain when too few replicas are here, or nobody knows who they are', () => {
    expect(judged([copy(2, 1), copy(2, 1)], 2)).toEqual(['uncertain', '2.1']);
    const { certainty } = judge([copy(2, 1), copy(2, 1), copy(2, 1)], 5, null);
    expect(certainty).toBe('uncertain');
  });

  it('is not that of a drive that was replaced, however new it looks, unless nobody else can tell', () => {
    const stranger = copy(9, 9, { isReplica: false });
    expect(judged([stranger, copy(1, 1), copy(1, 1), copy(1, 1)], 5)).toEqual(['decided', '1.1']);
    expect(judged([stranger, stranger, stranger], 3)).toEqual(['decided']);
    expect(judged([stranger, stranger, stranger], 2)).toEqual(['uncertain', '9.9']);
  });
});

const part = fc.oneof(
  fc.constantFrom('', '.', '..', '...', '%', '%2E', '%-', '%+', '%=', 'a', 'é%+', '\0', '\x1f', '\x7f'),
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll('/', '')),
  fc.string({ unit: 'grapheme', minLength: 200, maxLength: 400 }).map((text) => text.replaceAll('/', '')),
);
const key = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'));

describe('the path of an object', () => {
  it('gives the key back, and is safe: relative, plain names of at most 255 bytes', () => {
    fc.assert(
      fc.property(key, fc.boolean(), (text, isDirectory) => {
        const wellFormed = text.toWellFormed();
        const path = objectPath(wellFormed, isDirectory);
        expect(keyOfPath(path)).toBe(wellFormed);
        for (const component of path.split('/')) {
          expect(['', '.', '..']).not.toContain(component);
          expect(Buffer.byteLength(component)).toBeLessThanOrEqual(255);
          expect([...component].some((character) => character < ' ' || character === '\x7f')).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('never is the path, or a directory, of another object in the same bucket', () => {
    fc.assert(
      fc.property(fc.uniqueArray(key, { minLength: 2, maxLength: 30 }), (texts) => {
        const keys = [...new Set(texts.map((text) => text.toWellFormed()))];
        const isDirectory = (text: string) => keys.some((other) => other.startsWith(`${text}/`));
        const paths = keys.map((text) => objectPath(text, isDirectory(text)));
        expect(new Set(paths).size).toBe(keys.length);
        for (const path of paths) expect(paths.some((other) => other.startsWith(`${path}/`))).toBe(false);
      }),
      { numRuns: 300 },
    );
  });

  it('is the key itself for ordinary keys, and spelled out for the others', () => {
    const cases: [string, string][] = [
      ['photos/2026/ä b.jpg', 'photos/2026/ä b.jpg'],
      ['../x', '%2E%2E/x'],
      ['/x//y/', '%-/x/%-/y/%-'],
      ['100%', '100%25'],
      ['a\nb', 'a%0Ab'],
      ['n'.repeat(500), `${'n'.repeat(240)}%+/${'n'.repeat(240)}%+/${'n'.repeat(20)}`],
    ];
    for (const [text, path] of cases) expect(objectPath(text, false)).toBe(path);
    expect(objectPath('a', true)).toBe('a/%=');
  });

  it("keeps a bucket away from the manifest's place", () => {
    expect(bucketPath('photos')).toBe('photos');
    expect(bucketPath('manifest.jsonl')).toBe('manifest%2Ejsonl');
  });
});

describe('directories that a person names', () => {
  let place: string;
  const at = (name: string) => join(place, name);

  /** A formatted drive, with a value in its log alone. */
  async function drive(name: string, log: string | null, identity: DriveIdentity): Promise<void> {
    for (const directory of [name, log]) if (directory !== null) await mkdir(at(directory));
    const disk = await openRealDisk(at(name));
    const logDisk = log === null ? {} : { log: await openRealDisk(at(log)) };
    await formatDrive({ disk, ...logDisk, identity, random: systemRandom() });
    const index = diskIndex(join(at(name), INDEX_DIRECTORY));
    const lock = fileLock(at(name));
    const opened = await openDrive({ disk, ...logDisk, index, lock, clock: stillClock(), random: systemRandom() });
    if (opened.kind !== 'formatted') throw new Error(JSON.stringify(opened));
    await opened.store.commit([{ kind: 'put', key: 'k', value: Buffer.from(name) }]);
    await opened.store.close();
  }

  beforeAll(async () => {
    place = await mkdtemp(join(tmpdir(), 'ashlar-named-'));
    const clusterId = 'c1'.repeat(16);
    await drive('d1', 'wal1', { clusterId, driveId: 'd1'.repeat(16), slot: 'a1/d1' });
    await drive('d2', 'wal2', { clusterId, driveId: 'd2'.repeat(16), slot: 'a1/d2' });
    await drive('foreign', null, { clusterId: 'c2'.repeat(16), driveId: 'd3'.repeat(16), slot: 'a1/d1' });
  });
  afterAll(() => rm(place, { recursive: true, force: true }));

  const problem = async (...names: string[]) => {
    const opening = openDirectories(names.map(at));
    return opening.then(
      (drives) => closeAll(drives).then(() => 'none'),
      (error: OfflineError) => `${error.kind}: ${error.message.replaceAll(place, '')}`,
    );
  };

  it('are drives and log devices in any order, each log with its drive, and each named once', async () => {
    const drives = await openDirectories(['wal2', 'd1', 'd2', 'wal1', 'd1/../d1'].map(at));
    expect(drives.map(({ identity, findings }) => [identity.slot, findings])).toEqual([
      ['a1/d1', []],
      ['a1/d2', []],
    ]);
    await closeAll(drives);
  });

  it('say which drive lacks its log device', async () => {
    const reports = await fsck([at('d1'), at('d2'), at('wal2')]);
    expect(reports.map(({ identity, findings }) => [identity.slot, findings[0]?.kind ?? 'clean'])).toEqual([
      ['a1/d1', 'missing'],
      ['a1/d2', 'clean'],
    ]);
  });

  it('are refused together when one is none, is in use, or belongs to another cluster; then none stays locked', async () => {
    expect(await problem('wal1')).toContain('input: /wal1: log devices only; name their drives, too');
    expect(await problem('d1', 'nothing')).toContain('input: cannot open the directory /nothing');
    expect(await problem('d1', 'wal1', 'foreign')).toContain('name drives of one cluster only');
    await mkdir(at('blank'));
    expect(await problem('d1', 'blank')).toBe('input: /blank is not a drive: nothing was ever written to it');
    const unlock = await fileLock(at('d2'))();
    expect(await problem('d1', 'wal1', 'd2', 'wal2')).toContain('input: /d2 is in use by another process');
    unlock();
    expect(await problem('d1', 'wal1', 'd2', 'wal2')).toBe('none');
  });

  it('keep nodes away while they are read, and not each other', async () => {
    const first = await openDirectories([at('d1'), at('wal1')]);
    const second = await openDirectories([at('d1'), at('wal1')]);
    await expect(fileLock(at('d1'))()).rejects.toMatchObject({ code: 'in-use' });
    await closeAll([...first, ...second]);
    (await fileLock(at('d1'))())();
  });
});
