// A part of the fault atlas: what each layout promises is kept, and what it does not promise is refused. All of it:
// npm run simulate -- --atlas.
import { describe, expect, it } from 'vitest';
import { casesOf, tryLoss } from './atlas.ts';
import { SHAPES } from './plan.ts';

/** Of what is not promised at all, so many a layout; of the rest as many. */
const CASES = 3;

describe('the fault atlas', () => {
  for (const shape of SHAPES) {
    const cases = casesOf(shape);
    const promised = cases.filter(({ reads, writes }) => reads && writes);
    const beyond = cases.filter(({ reads, writes }) => !reads || !writes);
    const zones = Object.keys(shape.zones).join('');
    for (const loss of [...sample(promised), ...sample(beyond)]) {
      const what = `${loss.reads ? 'reads' : 'no reads'} and ${loss.writes ? 'writes' : 'no writes'}`;
      it(`${shape.scheme} on ${zones}, without ${loss.lost}: ${what}`, async () => {
        const tried = await tryLoss(shape, loss);
        if (loss.reads) expect(tried).toMatchObject({ readsRefused: 0, readsDone: expect.toSatisfy((n) => n > 0) });
        if (loss.writes) expect(tried).toMatchObject({ writesRefused: 0, writesDone: expect.toSatisfy((n) => n > 0) });
        else expect(tried.writesRefused + tried.writesDone).toBeGreaterThan(0);
      });
    }
    it(`${shape.scheme} on ${zones} promises that any zone may be lost, and speaks of losses that may not`, () => {
      const lost = (name: string) => cases.find((loss) => loss.lost === name);
      for (const zone of Object.keys(shape.zones)) expect(lost(zone)).toMatchObject({ reads: true, writes: true });
      expect(beyond.length).toBeGreaterThan(0);
    });
  }
});

function sample<T>(all: readonly T[]): T[] {
  const step = Math.max(1, Math.floor(all.length / CASES));
  return all.filter((_, at) => at % step === 0).slice(0, CASES);
}
