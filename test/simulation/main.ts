// npm run simulate -- --seed N          one seed, replayed exactly; prints the end of its trace when it fails
//                     --seeds A..B      all seeds from A to B
//                     --for 20m         fresh seeds for so long (30s, 20m, 8h)
//                     --trace FILE      with --seed: writes the whole trace there instead
//                     --mutations [NAME …]  breaks the code on purpose, in every way that has a name: who notices, and when
//                     --atlas           every loss that the plans of some layouts speak of
// Exit code 0: no violation; 1: at least one; 2: wrong usage.
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { casesOf, tryLoss } from './atlas.ts';
import { describeHunt, hunt } from './mutations/hunt.ts';
import { MUTATIONS, mutationNamed } from './mutations/table.ts';
import { planOf, SHAPES } from './plan.ts';
import { type Report, simulate } from './simulate.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const TRACE_LINES = 300;
const USAGE =
  'usage: npm run simulate -- --seed N [--trace FILE] | --seeds A..B | --for 20m | --mutations [NAME …] | --atlas';
const HUNT_LIMITS = { seedsMax: 300, timeMs: 600_000 };

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      for: { type: 'string' },
      trace: { type: 'string' },
      mutations: { type: 'boolean', default: false },
      atlas: { type: 'boolean', default: false },
    },
  });
  const range = /^(\d+)\.\.(\d+)$/.exec(values.seeds ?? '');
  const time = /^(\d+)([smh])$/.exec(values.for ?? '');
  if (values.seed !== undefined && /^\d+$/.test(values.seed)) return one(Number(values.seed), values.trace ?? null);
  if (range !== null) return many(numbers(Number(range[1]), (seed) => seed <= Number(range[2])));
  if (time !== null) {
    const endMs = Date.now() + Number(time[1]) * UNIT_MS[time[2]!]!;
    return many(numbers(Math.floor(Math.random() * 2 ** 32), () => Date.now() < endMs));
  }
  if (values.mutations) return mutations(positionals);
  if (values.atlas) return atlas();
  console.error(USAGE);
  return 2;
}

function* numbers(first: number, goesOn: (number: number) => boolean): Iterable<number> {
  for (let number = first; goesOn(number); number++) yield number;
}

async function one(seed: number, traceFile: string | null): Promise<number> {
  const report = await simulate(planOf(seed), traceFile === null ? TRACE_LINES : Number.POSITIVE_INFINITY);
  if (traceFile !== null) await writeFile(traceFile, `${report.trace.join('\n')}\n`);
  else if (report.violations.length > 0) for (const line of report.trace) console.log(line);
  print(report);
  return report.violations.length === 0 ? 0 : 1;
}

async function many(seeds: Iterable<number>): Promise<number> {
  const total = { seeds: 0, operations: 0, answered: 0, virtualMs: 0, events: 0 };
  const failed: number[] = [];
  let isInterrupted = false;
  // Ends after the seed that is running, and still says what was found.
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => (isInterrupted = true));
  for (const seed of seeds) {
    if (isInterrupted) break;
    const report = await simulate(planOf(seed), 1);
    total.seeds++;
    total.operations += report.operations;
    total.answered += report.answered;
    total.virtualMs += report.virtualMs;
    total.events += report.events;
    if (report.violations.length === 0) continue;
    failed.push(seed);
    print(report);
  }
  console.log(
    `${total.seeds} seeds, ${total.operations} operations (${total.answered} answered), ` +
      `${(total.virtualMs / 3_600_000).toFixed(2)} virtual hours, ${total.events} events: ` +
      (failed.length === 0 ? 'no violation' : `violations in ${failed.length} seeds: ${failed.join(', ')}`),
  );
  return failed.length === 0 ? 0 : 1;
}

async function mutations(names: readonly string[]): Promise<number> {
  let missed = 0;
  for (const mutation of names.length === 0 ? MUTATIONS : names.map(mutationNamed)) {
    const hunted = await hunt(mutation, HUNT_LIMITS);
    console.log(describeHunt(hunted));
    if (hunted.caught === null) missed++;
    else if (names.length > 0) console.log(hunted.caught.text);
  }
  return missed === 0 ? 0 : 1;
}

async function atlas(): Promise<number> {
  for (const shape of SHAPES) {
    console.log(`${shape.scheme} on ${JSON.stringify(shape.zones)}, ${shape.drivesPerNode} drives a node`);
    for (const loss of casesOf(shape)) {
      const { readsDone, readsRefused, writesDone, writesRefused } = await tryLoss(shape, loss);
      const promised = `${loss.reads ? 'reads' : '-'} ${loss.writes ? 'writes' : '-'}`;
      console.log(
        `  ${loss.lost.padEnd(18)} promised: ${promised.padEnd(14)} reads ${readsDone} done, ${readsRefused} refused; ` +
          `writes ${writesDone} done, ${writesRefused} refused`,
      );
    }
  }
  return 0;
}

function print({ plan, operations, answered, virtualMs, digest, violations }: Report): void {
  console.log(`seed ${plan.seed}: ${JSON.stringify(plan)}`);
  console.log(
    `  ${operations} operations, ${answered} answered, ${(virtualMs / 1_000).toFixed(0)} virtual s, trace ${digest.slice(0, 16)}: ` +
      (violations.length === 0 ? 'no violation' : `${violations.length} violations`),
  );
  for (const { checker, text } of violations)
    console.log(`  VIOLATION (${checker}) ${text.replaceAll('\n', '\n    ')}`);
}
