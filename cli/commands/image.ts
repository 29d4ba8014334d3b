// `ashlar image`: the container image of the storage node: built from this checkout, saved, pushed, and held against its labels.
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { Docker } from '../../stacks/docker.ts';
import { type BuiltImage, buildImage, pushImage, saveImage, verifyImage } from '../../stacks/image/build-image.ts';
import { layOutContext } from '../../stacks/image/context.ts';
import { packageRoot } from '../../stacks/local/program-files.ts';
import { jsonOption } from '../cluster-options.ts';
import type { CommandContext, CommandModule } from '../command.ts';
import { UsageError } from '../errors.ts';
import { bytesText } from '../table.ts';

const HELP = `
The docker client and its engine do the work: DOCKER_HOST and the client's contexts count as always.

Exit code: 0 done, 1 it failed (verify: the image is not what its labels say), 2 bad input, or something is missing.

Examples:
  ashlar image build                               on the usual Node image
  ashlar image build --base debian                 without any image registry, from Debian packages
  ashlar image push registry.example.com/ashlar:0.1.0
  ashlar image save --out ashlar.tar               for: docker load --input ashlar.tar`;

const TAG_HELP = 'name of the image (default: ashlar:VERSION)';

interface TagOption {
  readonly tag?: string;
}

interface BuildOptions extends TagOption {
  readonly base?: string;
  readonly signKey?: string;
  readonly json?: boolean;
}

export const define: CommandModule['define'] = (command, context) => {
  command.addHelpText('after', HELP);
  defineBuild(command.command('build').description('Build it from this checkout.'), context);
  defineContext(command.command('context').description('Only lay out what "docker build" gets.'), context);
  defineSave(command.command('save').description('Write it into a file.'), context);
  definePush(command.command('push').description('Push it, and print its reference by digest.'), context);
  defineVerify(command.command('verify').description('Hold an image against its labels.'), context);
};

function defineBuild(command: Command, context: CommandContext): void {
  command
    .option('--tag <name>', TAG_HELP)
    .option('--base <image>', 'glibc and Node 24 at /usr/local/bin/node; "debian" makes one from Debian packages')
    .option('--sign-key <file>', 'Ed25519 private key (PEM) that signs version, revision and digest in the labels')
    .addOption(jsonOption())
    .action(async (options: BuildOptions) => {
      const signingKey = options.signKey === undefined ? null : readText(context, options.signKey, 'the key');
      const image = await buildImage({
        docker: new Docker(null),
        repository: packageRoot(),
        tag: options.tag ?? defaultTag(),
        base: options.base ?? null,
        signingKey,
        onStep: (step) => context.note(`${step} …`),
      });
      context.print(options.json === true ? JSON.stringify(image, null, 2) : builtText(image));
    });
}

function defineContext(command: Command, context: CommandContext): void {
  command
    .requiredOption('--out <directory>', 'an empty directory, or one to make')
    .option('--arch <name>', 'of the image: x64 or arm64 (default: as here)')
    .action(async ({ out, arch }: { out: string; arch?: string }) => {
      const directory = resolve(context.workingDirectory, out);
      if (existsSync(directory) && readdirSync(directory).length > 0) throw new UsageError(`${out} is not empty`);
      mkdirSync(directory, { recursive: true });
      const architecture = arch ?? process.arch;
      const { facts } = await layOutContext({ repository: packageRoot(), directory, architecture });
      context.print(`${out} holds what "docker build" needs; ${facts.contentDigest}`);
    });
}

function defineSave(command: Command, context: CommandContext): void {
  command
    .option('--tag <name>', TAG_HELP)
    .requiredOption('--out <file>', 'where to write it')
    .action(async ({ tag = defaultTag(), out }: TagOption & { out: string }) => {
      await saveImage(new Docker(null), tag, resolve(context.workingDirectory, out));
      context.print(`${out} holds ${tag}; elsewhere: docker load --input ${out}`);
    });
}

function definePush(command: Command, context: CommandContext): void {
  command
    .argument('<target>', 'REGISTRY/NAME:TAG')
    .option('--tag <name>', TAG_HELP)
    .action(async (target: string, { tag = defaultTag() }: TagOption) => {
      context.print(await pushImage(new Docker(null), tag, target));
    });
}

function defineVerify(command: Command, context: CommandContext): void {
  command
    .argument('[image]', 'its name (default: ashlar:VERSION)')
    .option('--key <file>', 'Ed25519 public key (PEM) that it must be signed with')
    .action(async (image: string | undefined, { key }: { key?: string }) => {
      const publicKey = key === undefined ? null : readText(context, key, 'the key');
      const name = image ?? defaultTag();
      const { facts, problems } = await verifyImage(new Docker(null), name, publicKey);
      if (problems.length > 0) {
        context.print([`${name} is not what its labels say:`, ...problems.map((text) => `  - ${text}`)].join('\n'));
        context.setExitCode(1);
        return;
      }
      const signed = publicKey === null ? 'who built it was not asked; give --key' : 'signed with this key';
      context.print(`${name} holds ashlar ${facts.version} of ${facts.revision}, ${facts.contentDigest} (${signed})`);
    });
}

function builtText({ tag, id, sizeBytes, facts, isSigned }: BuiltImage): string {
  return [
    `${tag} is built: ${bytesText(sizeBytes)}, ${id}`,
    `  ashlar ${facts.version} of ${facts.revision}${isSigned ? ', signed' : ''}`,
    `  /opt/ashlar has ${facts.contentDigest}`,
  ].join('\n');
}

function defaultTag(): string {
  const { version } = JSON.parse(readFileSync(`${packageRoot()}/package.json`, 'utf8')) as { version: string };
  return `ashlar:${version}`;
}

function readText(context: CommandContext, path: string, what: string): string {
  try {
    return readFileSync(resolve(context.workingDirectory, path), 'utf8');
  } catch (error) {
    throw new UsageError(`${what} ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
