// What a file in cli/commands exports, and what it gets to work with. A command never touches process.* itself, so that a
// test can run it in-process and see everything that it said.
import type { Command } from 'commander';
import type { Programs } from '../stacks/local/cluster-processes.ts';

export interface CommandModule {
  /** Adds arguments, options, help and the action. The command has its name and its one-line summary already. */
  define(command: Command, context: CommandContext): void;
}

export interface CommandContext {
  /** Relative paths that a person typed start here. */
  readonly workingDirectory: string;
  /** What clusters are run with. */
  readonly programs: Programs;
  /** Who called sudo, when that is how this runs: what is made for them to use should be theirs. */
  readonly sudoUser: { readonly uid: number; readonly gid: number } | null;
  /** Results: one call per line or block, without the last newline. */
  print(text: string): void;
  /** Progress and remarks, on stderr, so that they never end up in a pipe. */
  note(text: string): void;
  /** The process ends with this code once the action is over; 0 when it was never called. Errors are thrown, not set here. */
  setExitCode(code: ExitCode): void;
  /** Called when the person presses Ctrl-C, or the process is told to stop; without a listener the process just ends. */
  onInterrupt(listener: () => void): void;
}

/** 0 done (or safe, healthy), 1 it failed (or is not healthy), 2 bad input, or nothing there to work on. */
export type ExitCode = 0 | 1 | 2;
