// The circles in which the drives of a node are compared, against a record of when each key was last compared.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ComparisonCircle } from '../../node/cluster/comparison-circle.ts';

const PAGES = ['', 'b', 'd', 'f', 'h'];

/** Compares one page; gives the drives with which the circle says that it has got around. */
function step(
  circle: ComparisonCircle,
  during: () => void = () => {},
): { from: string; slots: string[]; done: string[] } {
  const { from, slots } = circle.begin();
  during();
  const done = circle.end(PAGES[PAGES.indexOf(from) + 1] ?? null);
  return { from, slots, done };
}

describe('a comparison in circles', () => {
  it('gets around once for all drives that were asked for before it began', () => {
    const circle = new ComparisonCircle();
    circle.ask('n/d1');
    circle.ask('n/d2');
    const steps = PAGES.map(() => step(circle));
    expect(steps.map(({ from }) => from)).toEqual(PAGES);
    expect(steps.every(({ slots }) => slots.length === 2)).toBe(true);
    expect(steps.map(({ done }) => done)).toEqual([[], [], [], [], ['n/d1', 'n/d2']]);
    expect(circle.slots()).toEqual([]);
  });

  it('compares again only what was compared before it was asked again, and tells of the first circle too', () => {
    const circle = new ComparisonCircle();
    circle.ask('n/d1');
    step(circle);
    // In the middle of the second page: that page does not count either.
    step(circle, () => circle.ask('n/d1'));
    expect(circle.isAllAhead('n/d1')).toBe(true);
    expect([step(circle), step(circle), step(circle)].map(({ done }) => done)).toEqual([[], [], ['n/d1']]);
    expect(circle.has('n/d1')).toBe(true);
    const second = [step(circle), step(circle)];
    expect(second.map(({ from }) => from)).toEqual(['', 'b']);
    expect(second.map(({ done }) => done)).toEqual([[], ['n/d1']]);
    expect(circle.has('n/d1')).toBe(false);
  });

  it('takes in a drive that comes later, which gets around later', () => {
    const circle = new ComparisonCircle();
    circle.ask('n/d1');
    step(circle);
    step(circle);
    circle.ask('n/d2');
    expect([step(circle), step(circle), step(circle)].map(({ done }) => done)).toEqual([[], [], ['n/d1']]);
    expect([step(circle), step(circle)]).toMatchObject([{ slots: ['n/d2'], done: [] }, { done: ['n/d2'] }]);
  });

  it('has nothing to do for a drive that was dropped', () => {
    const circle = new ComparisonCircle();
    circle.ask('n/d1');
    circle.ask('n/d2');
    step(circle);
    circle.drop('n/d1');
    expect(step(circle).slots).toEqual(['n/d2']);
    expect(circle.has('n/d1')).toBe(false);
  });

  it('never says that it is done with a drive before every page began after the last time that it was asked for', () => {
    const event = fc.constantFrom('step', 'fail', 'ask before', 'ask during');
    const events = fc.array(event, { maxLength: 60 });
    fc.assert(
      fc.property(events, (script) => {
        const circle = new ComparisonCircle();
        const beganAt = new Map<string, number>();
        let now = 0;
        let askedAt = 0;
        const ask = () => {
          circle.ask('n/d1');
          askedAt = ++now;
        };
        ask();
        for (const what of script) {
          if (what === 'ask before') ask();
          const { from, slots } = circle.begin();
          const startedAt = ++now;
          if (what === 'ask during') ask();
          // A page that could not be compared is begun again.
          if (what === 'fail' || slots.length === 0) continue;
          beganAt.set(from, startedAt);
          circle.end(PAGES[PAGES.indexOf(from) + 1] ?? null);
          const isAllCompared = PAGES.every((page) => (beganAt.get(page) ?? 0) > askedAt);
          expect(circle.has('n/d1')).toBe(!isAllCompared);
        }
      }),
    );
  });
});
