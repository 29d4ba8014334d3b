// The child process of a hunt: loads the real code with one mutation in it, and runs seeds until a check notices.
//
//   node test/simulation/mutations/mutant.ts NAME FIRST_SEED SEEDS_MAX
//
// Prints one line of JSON, a MutantReport. The whole code is loaded after the mutation is in place, so nothing in the code
// itself knows of mutations.
import { registerHooks } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { planOf } from '../plan.ts';
import type { Checker } from '../violation.ts';
import { type Mutation, mutate, StaleMutationError } from './mutation.ts';
import { mutationNamed } from './table.ts';

export interface MutantReport {
  /** null: no seed found it. */
  readonly caught: { readonly seed: number; readonly checker: Checker; readonly text: string } | null;
  readonly seedsRun: number;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const [name, firstSeed, seedsMax] = process.argv.slice(2);
const mutation = mutationNamed(name!);
const unused = new Set(mutation.edits.map(({ file }) => file));
put(mutation);
const { simulate } = await import('../simulate.ts');
if (unused.size > 0) throw new StaleMutationError(`mutation ${name} is stale: ${[...unused].join(', ')} is not loaded`);
console.log(JSON.stringify(await hunt(Number(firstSeed), Number(seedsMax))));

function put(mutation: Mutation): void {
  registerHooks({
    load(url, context, nextLoad) {
      const loaded = nextLoad(url, context);
      const file = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url;
      if (!unused.delete(file)) return loaded;
      return { ...loaded, source: mutate(mutation, file, String(loaded.source)) };
    },
  });
}

async function hunt(first: number, count: number): Promise<MutantReport> {
  for (let seed = first; seed < first + count; seed++) {
    const { violations } = await simulate(planOf(seed, mutation.focus), 1);
    const [found] = violations;
    if (found !== undefined) return { caught: { seed, ...found }, seedsRun: seed - first + 1 };
  }
  return { caught: null, seedsRun: count };
}
