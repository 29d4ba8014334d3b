// Which attempts of changes a register remembers, and what becomes of one more attempt: carried out once, whatever arrives twice, late
// or after its asker has given up waiting. An asker changes a register once at a time and numbers its attempts upwards, so the
// newest attempt of each asker tells all about its older ones.
import { RECENT_ASKERS_MAX, type RecentAttempt } from '../format/register-formats.ts';

export interface Attempt {
  readonly asker: string;
  readonly number: number;
  /** The lowest number under which the same change may have been carried out; below number: an attempt got no answer. */
  readonly first: number;
}

/**
 * 'due': it was not carried out. 'done': it was, and has written. 'recorded': this very attempt was, and there was nothing to write.
 * 'late': something newer of the same asker was, so nobody waits for it. 'unknown': it may have been, and been forgotten.
 */
export type AttemptVerdict = 'due' | 'done' | 'recorded' | 'late' | 'unknown';

export function judgeAttempt(recent: readonly RecentAttempt[], { asker, number, first }: Attempt): AttemptVerdict {
  const known = recent.find((attempt) => attempt.asker === asker);
  if (known === undefined) return number > first && recent.length >= RECENT_ASKERS_MAX ? 'unknown' : 'due';
  if (known.number > number) return 'late';
  if (known.number >= first && known.hasWritten) return 'done';
  return known.number === number ? 'recorded' : 'due';
}

/** The attempt is the asker's newest; when there are too many askers, the one that was quiet longest is forgotten. */
export function rememberAttempt(
  recent: readonly RecentAttempt[],
  { asker, number }: Attempt,
  hasWritten: boolean,
): RecentAttempt[] {
  const others = recent.filter((attempt) => attempt.asker !== asker);
  return [...others, { asker, number, hasWritten }].slice(-RECENT_ASKERS_MAX);
}
