// The command line: which commands there are, and how a line of arguments becomes one of them and an exit code. Only the
// command that was asked for is loaded, because most of them need little and a person waits.
import { Command, CommanderError } from 'commander';
import type { CommandContext, CommandModule, ExitCode } from './command.ts';
import { presentError } from './errors.ts';

export interface CliIo extends Omit<CommandContext, 'setExitCode'> {
  /** Shows the stack of an unexpected error. */
  readonly debug: boolean;
  readonly version: string;
}

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  load(): Promise<CommandModule>;
}

const COMMANDS: readonly CommandEntry[] = [
  { name: 'up', summary: 'start the cluster of a spec on this machine', load: () => import('./commands/up.ts') },
  { name: 'status', summary: 'show how the local cluster is', load: () => import('./commands/status.ts') },
  { name: 'env', summary: 'print the exports that S3 clients need', load: () => import('./commands/env.ts') },
  { name: 'drill', summary: 'kill, wipe and revive parts of it', load: () => import('./commands/drill.ts') },
  { name: 'gate', summary: 'say whether a node or zone may be taken down', load: () => import('./commands/gate.ts') },
  { name: 'fsck', summary: 'check bare drives, offline', load: () => import('./commands/fsck.ts') },
  { name: 'export', summary: 'bring objects out of bare drives', load: () => import('./commands/export.ts') },
  { name: 'scrub', summary: 'read and verify everything now', load: () => import('./commands/scrub.ts') },
  { name: 'plan', summary: 'show what a spec promises, and prove it', load: () => import('./commands/plan.ts') },
  {
    name: 'render',
    summary: 'write what other programs read: load balancers, stacks',
    load: () => import('./commands/render.ts'),
  },
  { name: 'swarm', summary: 'prepare and check a deploy to Docker Swarm', load: () => import('./commands/swarm.ts') },
  {
    name: 'host-config',
    summary: 'write what makes machines storage hosts: cloud-init, network, drives',
    load: () => import('./commands/host-config.ts'),
  },
  {
    name: 'doctor',
    summary: 'say whether machines are as their spec says',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'provision',
    summary: 'take a rack from its spec to a Swarm or Kubernetes to deploy to',
    load: () => import('./commands/provision.ts'),
  },
  {
    name: 'kubernetes',
    summary: 'prepare, check and roll out a deploy to Kubernetes',
    load: () => import('./commands/kubernetes.ts'),
  },
  { name: 'image', summary: 'build and push the image of the node', load: () => import('./commands/image.ts') },
  { name: 'testbed', summary: 'a real multi-host cluster on one machine', load: () => import('./commands/testbed.ts') },
  { name: 'down', summary: 'stop it, and with --purge delete its data', load: () => import('./commands/down.ts') },
];

/** args: without the program's own name. Never rejects: everything that goes wrong is said through io. */
export async function runCli(args: readonly string[], io: CliIo): Promise<ExitCode> {
  let exitCode: ExitCode = 0;
  const context: CommandContext = {
    ...io,
    setExitCode: (code) => {
      exitCode = code;
    },
  };
  try {
    const program = await buildProgram(args, context, io.version);
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    // Commander has said it already, in its own words; its exit code is 0 for help and version only.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    const presented = presentError(error, io.debug);
    io.note(presented.text);
    return presented.exitCode;
  }
}

async function buildProgram(args: readonly string[], context: CommandContext, version: string): Promise<Command> {
  const program = new Command('ashlar')
    .description('An erasure-coded, zone-aware S3 store from one spec: try it on this machine, then deploy it.')
    .version(version)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.note(text.trimEnd()),
      outputError: (text, write) => write(text.replace(/^error: /, 'ashlar: ')),
    })
    .showHelpAfterError('Run it with --help to see how it is used.');
  const asked = args.filter((arg) => !arg.startsWith('-')).find((arg) => arg !== 'help');
  for (const { name, summary, load } of COMMANDS) {
    const command = program
      .command(name)
      .description(`${summary[0]!.toUpperCase()}${summary.slice(1)}.`)
      .summary(summary);
    if (name === asked) (await load()).define(command, context);
  }
  return program;
}
