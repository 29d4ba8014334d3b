// What is lost of the group that loses most, against counting all groups for every loss.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { GroupCounts } from '../../../plan/group-counts.ts';

const DRIVES = 9;

const drivesAmong = fc.uniqueArray(fc.nat(DRIVES - 1), { maxLength: DRIVES });
const anyGroups = fc.array(drivesAmong, { minLength: 1, maxLength: 12 });

function plainly(groups: readonly (readonly number[])[], lost: readonly number[]): number {
  return Math.max(...groups.map((group) => group.filter((drive) => lost.includes(drive)).length));
}

describe('of any groups, the most that one loses', () => {
  it('is counted for any drives together', () => {
    fc.assert(
      fc.property(anyGroups, drivesAmong, (groups, lost) => {
        expect(new GroupCounts(groups, DRIVES).mostLost(lost)).toBe(plainly(groups, lost));
      }),
      { seed: 1 },
    );
  });

  it('is counted for any drives and each one more, also when others were asked about before', () => {
    fc.assert(
      fc.property(anyGroups, fc.array(drivesAmong, { minLength: 1, maxLength: 3 }), (groups, losses) => {
        const counts = new GroupCounts(groups, DRIVES);
        for (const lost of losses) {
          const withOneMore = counts.mostLostWithOneMore(lost);
          for (let drive = 0; drive < DRIVES; drive++) {
            if (!lost.includes(drive)) expect(withOneMore[drive]).toBe(plainly(groups, [...lost, drive]));
          }
        }
      }),
      { seed: 1 },
    );
  });
});
