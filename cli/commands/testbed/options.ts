// What the commands for testbeds of every kind take.
import { type Command, InvalidArgumentError } from 'commander';

export interface TestbedOptions {
  readonly name: string;
  readonly json?: boolean;
}

export interface ShapeOptions extends TestbedOptions {
  readonly hosts: number;
  readonly zones?: number;
}

const DEFAULT_HOSTS = 4;

export function named(parent: Command, defaultName: string, command: string, description: string): Command {
  return parent
    .command(command)
    .description(description)
    .option('--name <name>', 'of the testbed, where there are several', defaultName);
}

export function withShape(command: Command): Command {
  return command
    .option('--hosts <number>', 'how many', parseCount, DEFAULT_HOSTS)
    .option('--zones <number>', 'in how many zones (default: each host in its own)', parseCount);
}

export function shapeOf({ name, hosts, zones }: ShapeOptions) {
  return { name, hostCount: hosts, zoneCount: zones ?? hosts };
}

function parseCount(text: string): number {
  if (!/^[0-9]{1,3}$/.test(text)) throw new InvalidArgumentError('Give a whole number.');
  return Number(text);
}
