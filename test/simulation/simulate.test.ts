// A fixed set of seeds of the whole simulation. What they cover is drawn by the seeds themselves; more are run with
// npm run simulate -- --for 20m.
import { describe, expect, it } from 'vitest';
import { FAULT_KINDS } from './nemesis.ts';
import { planOf } from './plan.ts';
import { simulate } from './simulate.ts';

const SEEDS = Array.from({ length: 16 }, (_, seed) => seed);

describe('simulated clusters keep every promise', () => {
  for (const seed of SEEDS) {
    const plan = planOf(seed);
    const faults = plan.faults.length === 0 ? 'no faults' : plan.faults.join(', ');
    it(`seed ${seed}: ${plan.program}, ${plan.shape.scheme}, ${faults}`, async () => {
      const { violations, trace, operations } = await simulate(plan, 100);
      if (violations.length > 0) console.log(trace.join('\n'));
      expect(violations, `replay with: npm run simulate -- --seed ${seed}`).toEqual([]);
      expect(operations).toBeGreaterThan(0);
    });
  }
});

describe('the simulation', () => {
  it('repeats a run to the byte', async () => {
    for (const seed of [2, 5]) {
      const first = await simulate(planOf(seed), 1);
      const again = await simulate(planOf(seed), 1);
      expect(again.digest).toBe(first.digest);
      expect(again.events).toBe(first.events);
    }
  });

  it('draws every kind of fault, both programs and all shapes within a hundred seeds', () => {
    const plans = Array.from({ length: 100 }, (_, seed) => planOf(seed));
    expect(new Set(plans.flatMap(({ faults }) => faults))).toEqual(new Set(FAULT_KINDS));
    expect(new Set(plans.map(({ program }) => program)).size).toBe(2);
    expect(new Set(plans.map(({ shape }) => JSON.stringify([shape.zones, shape.scheme]))).size).toBe(4);
    expect(plans.some(({ faults }) => faults.length === 0)).toBe(true);
  });
});
