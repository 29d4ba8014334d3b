// The simulation can fail: mutations of the real code, which it must notice. All of them are hunted by the end-to-end suite
// "mutations", and by npm run simulate -- --mutations; here a few that are found fast, one for every check.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeHunt, hunt } from './hunt.ts';
import { mutate, StaleMutationError } from './mutation.ts';
import { MUTATIONS, mutationNamed } from './table.ts';

const FAST = ['log-not-synced', 'promise-forgotten', 'read-from-one-replica', 'lower-ballot-accepted'];
/** Other changes of the code move the seeds that find a mutation; within so many there is always one. */
const LIMITS = { seedsMax: 40, timeMs: 55_000 };

describe('the simulation notices', () => {
  for (const name of FAST) {
    const mutation = mutationNamed(name);
    it(`${name}: ${mutation.breaks}`, async () => {
      const hunted = await hunt(mutation, LIMITS);
      expect(hunted.caught, describeHunt(hunted)).not.toBeNull();
    });
  }
});

describe('mutations', () => {
  it('all apply to the code as it is', () => {
    for (const mutation of MUTATIONS) {
      for (const file of new Set(mutation.edits.map((edit) => edit.file))) {
        const source = readFileSync(file, 'utf8');
        expect(mutate(mutation, file, source), mutation.name).not.toBe(source);
      }
    }
  });

  it('are at least eighteen, each under a name of its own', () => {
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(18);
  });

  it('fail loudly when the code that they change is no longer there, or is there twice', () => {
    const mutation = mutationNamed('log-not-synced');
    const { file, from } = mutation.edits[0]!;
    expect(() => mutate(mutation, file, 'nothing of the kind')).toThrow(StaleMutationError);
    expect(() => mutate(mutation, file, `${from} ${from}`)).toThrow(StaleMutationError);
  });
});
