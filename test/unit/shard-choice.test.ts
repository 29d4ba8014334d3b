// Which drive takes a shard: the rules one by one, and the promise behind them for every small cluster.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CandidateDrive, chooseShardSlot, type ShardChoiceInput } from '../../node/core/shard-choice.ts';

const drive = (slot: string, more: Partial<CandidateDrive> = {}): CandidateDrive => {
  const node = slot.split('/')[0]!;
  return { slot, node, zone: node[0]!, isUp: true, seemsUp: true, ...more };
};

const choose = (input: Partial<ShardChoiceInput>) =>
  chooseShardSlot({
    own: drive('a1/d1'),
    handOffs: [drive('b1/d2'), drive('c1/d2')],
    others: [drive('b1/d1'), drive('c1/d1')],
    failed: new Set(),
    zoneCap: 2,
    nodeCap: 2,
    ...input,
  });

describe('a shard goes', () => {
  it.each<[string, Partial<ShardChoiceInput>, object]>([
    ['to its own drive', {}, { kind: 'try', slot: 'a1/d1' }],
    ['to the best stand-in when its own drive failed', { failed: new Set(['a1/d1']) }, { kind: 'try', slot: 'b1/d2' }],
    [
      'to the best stand-in when its own node seems to be gone',
      { own: drive('a1/d1', { seemsUp: false }) },
      { kind: 'try', slot: 'b1/d2' },
    ],
    [
      'past stand-ins that failed, are down, silent or hold another shard',
      {
        failed: new Set(['a1/d1', 'b1/d2']),
        handOffs: [
          drive('b1/d2'),
          drive('c1/d2', { isUp: false }),
          drive('d1/d1', { seemsUp: false }),
          drive('b1/d1'),
          drive('e1/d1'),
        ],
      },
      { kind: 'try', slot: 'e1/d1' },
    ],
    [
      'past a zone that holds as many as it may',
      { failed: new Set(['a1/d1']), zoneCap: 1, handOffs: [drive('b2/d1'), drive('d1/d1')] },
      { kind: 'try', slot: 'd1/d1' },
    ],
    [
      'past a node that holds as many as it may',
      { failed: new Set(['a1/d1']), nodeCap: 1, handOffs: [drive('b1/d2'), drive('b2/d1')] },
      { kind: 'try', slot: 'b2/d1' },
    ],
    [
      'nowhere yet, when nothing but its own failed drive may take it',
      { failed: new Set(['a1/d1']), zoneCap: 1 },
      { kind: 'wait' },
    ],
    [
      'to its own drive on a node that seems to be gone, when nobody can stand in',
      { own: drive('a1/d1', { seemsUp: false }), handOffs: [] },
      { kind: 'try', slot: 'a1/d1' },
    ],
    [
      'to any stand-in when its own drive is down in the map, caps or not',
      { own: drive('a1/d1', { isUp: false }), zoneCap: 1 },
      { kind: 'try', slot: 'b1/d2' },
    ],
    [
      'nowhere, when its own drive is down and nobody can stand in',
      { own: drive('a1/d1', { isUp: false }), handOffs: [] },
      { kind: 'skip' },
    ],
  ])('%s', (_, input, expected) => {
    expect(choose(input)).toEqual(expected);
  });
});

describe('while the map calls every drive up', () => {
  it('no order of failures leads to a zone or node with more shards than the cap, nor to a shard left out', () => {
    const slots = ['a1/d1', 'a1/d2', 'a2/d1', 'b1/d1', 'b1/d2', 'c1/d1', 'c1/d2', 'c2/d1', 'd1/d1'];
    const world = fc.record({
      order: fc.shuffledSubarray(slots, { minLength: 5, maxLength: slots.length }),
      failures: fc.array(fc.constantFrom(...slots), { maxLength: 12 }),
      cap: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(world, ({ order, failures, cap }) => {
        const holders: (string | null)[] = order.slice(0, 4);
        const own = [...holders] as string[];
        const handOffs = order.slice(4).map((slot) => drive(slot));
        const count = (of: 'zone' | 'node') =>
          Math.max(
            0,
            ...slots.map(
              (slot) => holders.filter((holder) => holder !== null && drive(holder)[of] === drive(slot)[of]).length,
            ),
          );
        const zoneCap = Math.max(cap, count('zone'));
        const nodeCap = Math.max(cap, count('node'));
        const failed = new Set<string>();
        for (const victim of failures) {
          failed.add(victim);
          const position = holders.indexOf(victim);
          if (position < 0) continue;
          const others = holders.flatMap((slot, at) => (slot === null || at === position ? [] : [drive(slot)]));
          const choice = chooseShardSlot({ own: drive(own[position]!), handOffs, others, failed, zoneCap, nodeCap });
          expect(choice.kind).not.toBe('skip');
          holders[position] = choice.kind === 'try' ? choice.slot : null;
          const held = holders.filter((slot) => slot !== null);
          expect(new Set(held).size).toBe(held.length);
          expect(count('zone')).toBeLessThanOrEqual(zoneCap);
          expect(count('node')).toBeLessThanOrEqual(nodeCap);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
