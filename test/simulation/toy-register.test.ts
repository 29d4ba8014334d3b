import { describe, expect, it } from 'vitest';
import { type Mistake, runToyRegister } from './toy-register.ts';

const SEEDS = Array.from({ length: 40 }, (_, seed) => seed);

/** null: there is none. */
async function firstSeedWithViolation(mistake: Mistake): Promise<number | null> {
  for (const seed of SEEDS) {
    const { history } = await runToyRegister(seed, mistake);
    if (history.violations().length > 0) return seed;
  }
  return null;
}

describe('the harness on a register that it knows', () => {
  it('finds nothing wrong with the right protocol, under drops, duplicates and delays', async () => {
    expect(await firstSeedWithViolation('none')).toBeNull();
  });

  for (const mistake of ['read without write-back', 'acknowledge at one replica', 'read from one replica'] as const) {
    it(`catches the mistake "${mistake}"`, async () => {
      expect(await firstSeedWithViolation(mistake)).not.toBeNull();
    });
  }

  it('gives the same trace to the byte for the same seed, and another for another', async () => {
    const first = await runToyRegister(7, 'none');
    const again = await runToyRegister(7, 'none');
    const other = await runToyRegister(8, 'none');
    expect(again.trace).toEqual(first.trace);
    expect(again.digest).toBe(first.digest);
    expect(other.digest).not.toBe(first.digest);
    expect(first.trace.length).toBeGreaterThan(100);
  });

  it('leaves most operations with a known outcome, so that there is something to check', async () => {
    const { history } = await runToyRegister(1, 'none');
    expect(history.operationCount).toBe(75);
    expect(history.answeredCount).toBeGreaterThan(50);
  });
});
