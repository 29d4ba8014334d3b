// Durations as a person writes them.
import { InvalidArgumentError, Option } from 'commander';

/** "90s", "10m", "2h" → milliseconds. */
export function parseDuration(text: string): number {
  const match = /^([0-9]{1,6})(s|m|h)$/.exec(text);
  if (match === null) throw new InvalidArgumentError('Write a duration as 90s, 10m or 2h.');
  return Number(match[1]) * { s: 1_000, m: 60_000, h: 3_600_000 }[match[2] as 's' | 'm' | 'h'];
}

/** --timeout, whose value is in milliseconds; the help shows its default as it was written here. */
export function timeoutOption(what: string, standard: string): Option {
  return new Option('--timeout <duration>', `${what}: 90s, 10m, 2h`)
    .argParser(parseDuration)
    .default(parseDuration(standard), standard);
}
