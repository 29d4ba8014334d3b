// The options that most commands share, in the same words.
import { type Command, InvalidArgumentError, Option } from 'commander';

export interface ClusterOptions {
  readonly file?: string;
  readonly data?: string;
}

export function addClusterOptions(command: Command): Command {
  return command
    .option('-f, --file <file>', 'the spec (default: cluster.yaml here, else the one that comes with ashlar)')
    .option('--data <directory>', 'where the cluster keeps its data (default: .ashlar/NAME here)');
}

export function jsonOption(): Option {
  return new Option('--json', 'print JSON, for programs');
}

export function parsePort(text: string): number {
  const port = Number(text);
  if (!/^[0-9]{1,5}$/.test(text) || port < 1 || port > 65_535) {
    throw new InvalidArgumentError('A port is a number from 1 to 65535.');
  }
  return port;
}
