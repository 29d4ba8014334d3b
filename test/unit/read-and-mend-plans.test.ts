// The pure plans of reading and of healing.
import { describe, expect, it } from 'vitest';
import { type BlockState, planFetch } from '../../node/core/fetch-plan.ts';
import { type PositionFacts, planMend } from '../../node/core/mend-plan.ts';

const LETTERS: Record<string, BlockState> = {
  i: 'idle',
  v: 'avoided',
  p: 'pending',
  s: 'slow',
  a: 'arrived',
  f: 'failed',
};

/** States by letter, position 0 first; 4+2, preference in the order of positions. */
function fetch(states: string, wanted: readonly number[] = [0, 1, 2, 3]): string {
  const preference = [...states].map((_, position) => position);
  const plan = planFetch({ k: 4, states: [...states].map((letter) => LETTERS[letter]!), wanted, preference });
  return plan.kind === 'fetch' ? `fetch ${plan.positions.join(' ')}`.trim() : plan.kind;
}

describe('the plan of a fetch', () => {
  it.each([
    ['asks for the wanted blocks', 'iiiiii', undefined, 'fetch 0 1 2 3'],
    ['asks for one block when one is wanted', 'iiiiii', [2], 'fetch 2'],
    ['waits for what is on its way', 'ppaaii', undefined, 'fetch'],
    ['is complete with the wanted blocks', 'aaaaii', undefined, 'complete'],
    ['is complete with the one wanted block', 'iaiiii', [1], 'complete'],
    ['replaces a block that failed', 'fpppii', undefined, 'fetch 4'],
    ['doubles a block that is slow', 'saaaii', undefined, 'fetch 4'],
    ['replaces two', 'sfaaii', undefined, 'fetch 4 5'],
    ['asks for k others when the one wanted block fails', 'fiiiii', [0], 'fetch 1 2 3 4'],
    ['avoids what is known to be bad while there are others', 'viiiii', undefined, 'fetch 1 2 3 4'],
    ['asks for what it avoided when it must', 'vffiii', undefined, 'fetch 3 4 5 0'],
    ['rebuilds from any k', 'faafaa', undefined, 'rebuild'],
    ['does not take the slow for lost', 'sssfff', undefined, 'fetch'],
    ['is lost with too many failures and nothing under way', 'fffaaa', undefined, 'lost'],
    ['asks for no more than it needs', 'ffpaap', undefined, 'fetch'],
    ['wants parity like any other block', 'iiiiii', [5], 'fetch 5'],
  ] as const)('%s: %s wanting %j', (_, states, wanted, expected) => {
    expect(fetch(states, wanted)).toBe(expected);
  });
});

describe('the plan of a mend', () => {
  const FINE: PositionFacts = {
    ownSlot: 'own',
    isOwnUp: true,
    isPresent: true,
    isCorrupt: false,
    isDisplaced: false,
    elsewhere: ['own'],
  };
  const NOTHING = { rebuild: [], remove: [], settled: [], unknown: [] };
  const OWN = [{ slot: 'own', position: 0 }];
  const AWAY = [{ slot: 'away', position: 0 }];

  it.each<[string, Partial<PositionFacts>, object]>([
    ['leaves what is right', {}, NOTHING],
    ['rebuilds what is missing', { isPresent: false }, { ...NOTHING, rebuild: OWN }],
    ['rebuilds what is corrupt', { isCorrupt: true }, { ...NOTHING, rebuild: OWN }],
    [
      'brings home what stands in elsewhere, then removes the copy and the note',
      { isPresent: false, isDisplaced: true, elsewhere: ['away', 'own'] },
      { ...NOTHING, rebuild: OWN, remove: AWAY, settled: [0] },
    ],
    ['removes a second copy', { elsewhere: ['own', 'away'] }, { ...NOTHING, remove: AWAY }],
    ['takes back a note that is no longer true', { isDisplaced: true }, { ...NOTHING, settled: [0] }],
    [
      'does nothing for a drive that is down',
      { isOwnUp: false, isPresent: null, isDisplaced: true, elsewhere: ['away'] },
      NOTHING,
    ],
    ['does nothing for a position without a drive', { ownSlot: null, isPresent: null }, NOTHING],
    [
      'removes nothing while it cannot tell',
      { isPresent: null, isDisplaced: true, elsewhere: ['away'] },
      { ...NOTHING, unknown: [0] },
    ],
  ])('%s', (_, facts, expected) => {
    expect(planMend([{ ...FINE, ...facts }])).toEqual(expected);
  });
});
