// `ashlar host-config`: for each machine of a spec what makes it a storage host: a NoCloud seed for cloud-init (a directory, or an ISO
// image beside it), a script for a machine that runs already, and the doctor. Exit code 0 when the files are there as they should
// be, 2 when the spec describes no such machine or a file of somebody else's is in the way.
import { join } from 'node:path';
import { Option } from 'commander';
import { describeHost } from '../../host-tuning/describe-host.ts';
import { HostError } from '../../host-tuning/errors.ts';
import { renderHost, SEED_FILES } from '../../host-tuning/render-host.ts';
import { readHostScripts } from '../../host-tuning/scripts.ts';
import { seedIso } from '../../host-tuning/seed-iso.ts';
import type { CommandModule } from '../command.ts';
import { type RenderOutcome, reportRendered, writeRendered } from '../rendered-files.ts';
import { loadSpec } from '../spec-file.ts';

interface Options {
  readonly out: string;
  readonly file?: string;
  readonly seed: 'dir' | 'iso';
  readonly force?: boolean;
}

const HELP = `
Writes DIR/HOST with user-data, meta-data and network-config (a NoCloud seed; with --seed iso also seed.iso, labelled
cidata), apply.sh for a host that runs already (sudo sh apply.sh, on the host), and doctor.sh, which says what a host has
and has not. Without HOST it does so for every machine under "hosts" of the spec.

Exit code: 0 the files are there, 2 bad input, or a file is in the way that was not rendered here.

Examples:
  ashlar host-config --out hosts
  ashlar host-config a1 --out hosts --seed iso
  ssh a1 sudo sh -s < hosts/a1/apply.sh          after a drive was replaced, or a setting changed

What each setting is for, and the switch: docs/host-tuning.md`;

export const define: CommandModule['define'] = (command, context) => {
  command
    .argument('[host]', 'only this machine, by the name of its node')
    .requiredOption('-o, --out <directory>', 'where the directories of the hosts go')
    .option('-f, --file <file>', 'the spec (default: cluster.yaml here, else the one that comes with ashlar)')
    .addOption(
      new Option('--seed <kind>', 'the seed as a directory, or as an image, too')
        .choices(['dir', 'iso'])
        .default('dir'),
    )
    .option('--force', 'overwrite files that were not rendered here')
    .addHelpText('after', HELP)
    .action((host: string | undefined, options: Options) => {
      const { spec, fileName } = loadSpec(context.workingDirectory, options.file);
      const names = host === undefined ? spec.hosts.map(({ name }) => name) : [host];
      if (names.length === 0)
        throw new HostError(
          'input',
          `${fileName} has no "hosts"; examples/bare-metal.yaml shows how machines are described`,
        );
      // All are described before any is written.
      const scripts = readHostScripts();
      const rendered = names.map((name) => ({ name, files: renderHost(describeHost(spec, name), scripts) }));
      const outcomes = rendered.map(({ name, files }) =>
        writeRendered({
          workingDirectory: context.workingDirectory,
          out: join(options.out, name),
          files: options.seed === 'iso' ? withImage(files) : files,
          force: options.force === true,
        }),
      );
      reportRendered(context, joined(outcomes));
    });
};

/** With seed.iso. */
export function withImage(files: ReadonlyMap<string, string>): Map<string, string | Uint8Array> {
  const seed = new Map(SEED_FILES.map((name) => [name, files.get(name)!]));
  return new Map<string, string | Uint8Array>([...files, ['seed.iso', seedIso(seed)]]);
}

function joined(outcomes: readonly RenderOutcome[]): RenderOutcome {
  return {
    written: outcomes.flatMap(({ written }) => written),
    unchanged: outcomes.flatMap(({ unchanged }) => unchanged),
  };
}
