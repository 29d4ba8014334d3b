// What a register remembers of the changes that were made to it, and what becomes of attempts that come twice or late.
import { describe, expect, it } from 'vitest';
import { judgeAttempt, rememberAttempt } from '../../node/core/attempts.ts';
import { RECENT_ASKERS_MAX, type RecentAttempt } from '../../node/format/register-formats.ts';

const asker = 'a'.repeat(16);
const first = (number: number) => ({ asker, number, first: number });
const again = (number: number, of: number) => ({ asker, number, first: of });
const others = (count: number): RecentAttempt[] =>
  Array.from({ length: count }, (_, at) => ({ asker: at.toString(16).padStart(16, '0'), number: 1, hasWritten: true }));

describe('an attempt of a change', () => {
  it('is due when nothing of its asker is known, or only what was before the change', () => {
    expect(judgeAttempt([], first(5))).toBe('due');
    expect(judgeAttempt(rememberAttempt(others(3), first(4), true), first(5))).toBe('due');
    expect(judgeAttempt(rememberAttempt([], first(4), true), again(6, 5))).toBe('due');
  });

  it('is done when it, or an earlier attempt of the same change, has written', () => {
    const recent = rememberAttempt([], first(5), true);
    expect(judgeAttempt(recent, first(5))).toBe('done');
    expect(judgeAttempt(recent, again(7, 5))).toBe('done');
  });

  it('is late when a later attempt was carried out, whether that has written or not', () => {
    expect(judgeAttempt(rememberAttempt([], again(6, 5), true), first(5))).toBe('late');
    expect(judgeAttempt(rememberAttempt([], again(6, 5), false), first(5))).toBe('late');
    expect(judgeAttempt(rememberAttempt([], first(9), true), again(6, 5))).toBe('late');
  });

  it('after one that had nothing to write is due: its asker was not told, or would not ask again', () => {
    expect(judgeAttempt(rememberAttempt([], again(6, 5), false), again(7, 5))).toBe('due');
    expect(judgeAttempt(rememberAttempt([], again(6, 5), false), again(6, 5))).toBe('recorded');
  });

  it('is unknown only when an earlier one may have been forgotten', () => {
    const full = others(RECENT_ASKERS_MAX);
    expect(judgeAttempt(full, first(5))).toBe('due');
    expect(judgeAttempt(full, again(6, 5))).toBe('unknown');
    expect(judgeAttempt(rememberAttempt(full, first(4), true), again(6, 5))).toBe('due');
  });
});

describe('what is remembered', () => {
  it('is the newest attempt of each asker, the newest last, of so many askers at most', () => {
    const full = others(RECENT_ASKERS_MAX);
    const more = rememberAttempt(full, first(5), true);
    expect(more).toEqual([...full.slice(1), { asker, number: 5, hasWritten: true }]);
    const mover = { asker: full[3]!.asker, number: 9, first: 9 };
    expect(rememberAttempt(full, mover, false)).toEqual([
      ...full.filter((attempt) => attempt.asker !== mover.asker),
      { asker: mover.asker, number: 9, hasWritten: false },
    ]);
  });
});
