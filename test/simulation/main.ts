// npm run simulate -- --seed N          one seed, replayed exactly; prints its trace when it fails (--trace: always)
//                     --seeds A..B      all seeds from A to B
//                     --for 20m         fresh seeds for so long (30s, 20m, 8h)
// Exit code 0: no violation; 1: at least one; 2: wrong usage.
import { parseArgs } from 'node:util';
import { planOf, type Report, simulate } from './simulate.ts';

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };
const TRACE_LINES = 400;

process.exitCode = await main(process.argv.slice(2));

async function main(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      seed: { type: 'string' },
      seeds: { type: 'string' },
      for: { type: 'string' },
      trace: { type: 'boolean', default: false },
    },
  });
  const seeds = seedsOf(values);
  if (seeds === null) {
    console.error('usage: npm run simulate -- --seed N | --seeds A..B | --for 20m  [--trace]');
    return 2;
  }
  return run(seeds, values.seed !== undefined, values.trace);
}

function seedsOf(values: { seed?: string; seeds?: string; for?: string }): Iterable<number> | null {
  const [one, range, duration] = [values.seed, values.seeds, values.for];
  if (one !== undefined && /^\d+$/.test(one)) return [Number(one)];
  const ends = /^(\d+)\.\.(\d+)$/.exec(range ?? '');
  if (ends !== null) return numbers(Number(ends[1]), (seed) => seed <= Number(ends[2]));
  const time = /^(\d+)([smh])$/.exec(duration ?? '');
  if (time === null) return null;
  const endMs = Date.now() + Number(time[1]) * UNIT_MS[time[2]!]!;
  return numbers(Math.floor(Math.random() * 2 ** 32), () => Date.now() < endMs);
}

function* numbers(first: number, goesOn: (number: number) => boolean): Iterable<number> {
  for (let number = first; goesOn(number); number++) yield number;
}

async function run(seeds: Iterable<number>, isSingle: boolean, withTrace: boolean): Promise<number> {
  const total = { seeds: 0, operations: 0, answered: 0, virtualMs: 0, events: 0 };
  const failed: number[] = [];
  for (const seed of seeds) {
    const report = await simulate(planOf(seed));
    total.seeds++;
    total.operations += report.operations;
    total.answered += report.answered;
    total.virtualMs += report.virtualMs;
    total.events += report.events;
    if (report.violations.length > 0) failed.push(seed);
    if (report.violations.length > 0 || isSingle)
      print(report, withTrace || (isSingle && report.violations.length > 0));
  }
  console.log(
    `${total.seeds} seeds, ${total.operations} operations (${total.answered} answered), ` +
      `${(total.virtualMs / 3_600_000).toFixed(2)} virtual hours, ${total.events} events: ` +
      (failed.length === 0 ? 'no violation' : `violations in ${failed.length} seeds: ${failed.join(', ')}`),
  );
  return failed.length === 0 ? 0 : 1;
}

function print(report: Report, withTrace: boolean): void {
  const { plan, operations, answered, virtualMs, digest } = report;
  if (withTrace) for (const line of report.trace.slice(-TRACE_LINES)) console.log(line);
  console.log(`seed ${plan.seed}: ${JSON.stringify(plan)}`);
  console.log(
    `  ${operations} operations, ${answered} answered, ${(virtualMs / 1_000).toFixed(0)} virtual s, trace ${digest.slice(0, 16)}`,
  );
  for (const violation of report.violations) console.log(`  VIOLATION ${violation.replaceAll('\n', '\n    ')}`);
}
