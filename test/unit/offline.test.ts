// The pure parts of the last resort: which copy of a register holds, and where keys go in a file system.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { registerQuorums } from '../../node/core/quorum.ts';
import { type Copy, judge } from '../../node/offline/judgement.ts';
import { bucketPath, keyOfPath, objectPath } from '../../node/offline/object-paths.ts';

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

  it('is not that of a drive that was replaced, however new it looks, unless there is no other', () => {
    const stranger = copy(9, 9, { isReplica: false });
    expect(judged([stranger, copy(1, 1), copy(1, 1), copy(1, 1)], 5)).toEqual(['decided', '1.1']);
    expect(judged([stranger, stranger, stranger], 5)).toEqual(['newest', '9.9']);
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
