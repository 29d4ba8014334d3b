// The power fails on the real engine (real files, real index) at any point of a recorded life, with any part of what was not synced
// lost or torn, and sometimes again while it recovers. The long version is the e2e suite power-cut.
import { expect, test } from 'vitest';
import { PowerCuts } from '../power-cut/power-cuts.ts';

/** Of the points of a recording, which are some 500; the remainder moves from one recording to the next. */
const EVERY = 8;

test.each([
  ['with its log on itself', false],
  ['with a log device', true],
])('a real drive %s keeps every promise when the power fails', async (_what, hasLog) => {
  await using cuts = await PowerCuts.record(hasLog);
  const { events } = cuts.recording;
  const count = (kind: string) => events.filter((event) => event.kind === kind).length;
  // The life has all that can go wrong in it: many syncs, removed files, transactions of the index, promises in between.
  expect(count('sync-ends')).toBeGreaterThan(80);
  expect(count('remove')).toBeGreaterThan(1);
  expect(count('promise')).toBeGreaterThan(100);
  const seed = Number(hasLog);
  for (let at = seed; at <= events.length; at += EVERY) {
    const turn = Math.floor(at / EVERY);
    try {
      await cuts.cut(at, seed, { again: turn % 12 === 1, goOn: turn % 12 === 7 });
    } catch (error) {
      throw new Error(`power cut after ${at} of ${events.length} events`, { cause: error });
    }
  }
});

test('would notice an engine that does not sync', async () => {
  await using cuts = await PowerCuts.record(false);
  const { events } = cuts.recording;
  events.splice(0, events.length, ...events.filter(({ kind }) => kind !== 'sync-ends'));
  const outcomes: string[] = [];
  for (let part = 1; part <= 8; part++) {
    const cut = cuts.cut(Math.floor((events.length * part) / 8), part, { again: false, goOn: false });
    outcomes.push(
      await cut.then(
        () => 'kept',
        () => 'broken',
      ),
    );
  }
  expect(outcomes.filter((outcome) => outcome === 'broken').length).toBeGreaterThan(4);
});
