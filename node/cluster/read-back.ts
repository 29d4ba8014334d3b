// What the answers of a register's replicas tell, taken together: pure judgements over what they hold.
import { compareVersions, type Version } from '../core/ballot.ts';
import type { Fetched, RegisterRecord, RegisterValue } from '../format/register-formats.ts';
import type { Group } from './groups.ts';

/** The answer with the newest version; null when all say that there is nothing. */
export function newestAmong(answers: readonly (Fetched | undefined)[]): (Fetched & { version: Version }) | null {
  let newest: (Fetched & { version: Version }) | null = null;
  for (const answer of answers) {
    if (answer === undefined || answer.version === null) continue;
    if (newest === null || compareVersions(answer.version, newest.version) > 0)
      newest = { ...answer, version: answer.version };
  }
  return newest;
}

/** The record that is certainly decided, null for "certainly never written", undefined for "cannot tell". */
export function decidedAmong(
  answers: readonly (Fetched | undefined)[],
  group: Group,
): RegisterRecord | null | undefined {
  const newest = newestAmong(answers);
  if (newest === null) return null;
  const same = (answer: Fetched | undefined) =>
    answer?.version != null && compareVersions(answer.version, newest.version) === 0;
  const holders = answers.filter(same);
  const isMarked = holders.some((holder) => holder?.chosen === true);
  if (!isMarked && holders.length < group.quorums.write) return undefined;
  return { version: newest.version, value: newest.value! };
}

/** The replica holds exactly this version, and it says nothing but "deleted". */
export function isTombstone(fetched: Fetched | undefined, version: Version): boolean {
  if (fetched?.version == null || fetched.value === null || compareVersions(fetched.version, version) !== 0)
    return false;
  return isEmpty(fetched.value);
}

/** Says nothing but "deleted". */
export const isEmpty = ({ live, payload }: RegisterValue): boolean => !live && payload.length === 0;
