// Proof that the simulation can fail: every mutation of the real code must be noticed within bounded seeds and time.
import { describeHunt, hunt } from '../../simulation/mutations/hunt.ts';
import { MUTATIONS } from '../../simulation/mutations/table.ts';
import type { Suite } from '../suite.ts';

const LIMITS = { seedsMax: 300, timeMs: 10 * 60_000 };

export const mutations: Suite = {
  name: 'mutations',
  summary: 'the simulation notices every deliberate mistake in the real code',
  packages: [],
  async run({ say }) {
    const missed: string[] = [];
    for (const mutation of MUTATIONS) {
      const hunted = await hunt(mutation, LIMITS);
      say(describeHunt(hunted));
      if (hunted.caught === null) missed.push(mutation.name);
    }
    if (missed.length > 0) throw new Error(`not noticed: ${missed.join(', ')}`);
  },
};
