// Power cuts on the real storage engine, by recording and replay (test/power-cut): after every event of many recorded lives, with
// several random choices each of what the disk kept of what was not synced.
import { PowerCuts } from '../../power-cut/power-cuts.ts';
import type { Suite, SuiteContext } from '../suite.ts';

const SEEDS = 3;
const LIVES = 4;
/** In continuous integration the power goes after every so many events only. */
const CI_EVERY = 6;

export const powerCut: Suite = {
  name: 'power-cut',
  summary: 'the power fails after every write and sync of recorded lives of real drives; every promise is kept',
  packages: [],
  run: async ({ ci, say }) => {
    for (let life = 0; life < (ci ? 1 : LIVES); life++) {
      for (const hasLog of [false, true]) await cutEverywhere(life, hasLog, ci, say);
    }
  },
};

async function cutEverywhere(life: number, hasLog: boolean, ci: boolean, say: SuiteContext['say']): Promise<void> {
  await using cuts = await PowerCuts.record(hasLog);
  const events = cuts.recording.events.length;
  let count = 0;
  for (let at = 0; at <= events; at += ci ? CI_EVERY : 1) {
    for (let seed = 0; seed < (ci ? 1 : SEEDS); seed++) {
      const isTurn = (every: number) => (count + seed) % every === 0;
      try {
        await cuts.cut(at, life * SEEDS + seed, { again: isTurn(6), goOn: isTurn(10) });
        count++;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        throw new Error(`after ${at} of ${events} events, seed ${life * SEEDS + seed}: ${reason}`, { cause: error });
      }
    }
  }
  say(
    `${count} power cuts in a life of ${events} events, log ${hasLog ? 'on its own device' : 'on the drive'}: none broke a promise`,
  );
}
