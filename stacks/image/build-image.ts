// Builds, saves, pushes and verifies the image of the storage node, with a docker client and its engine.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Docker } from '../docker.ts';
import { digestOfDirectory, factsOfLabels, type ImageFacts, imageLabels, isSignedBy, signFacts } from './contents.ts';
import { layOutContext } from './context.ts';
import { makeDebianBase } from './debian-base.ts';
import { ImageError } from './errors.ts';

/** In place of an image's name: a base made here from Debian packages. */
export const DEBIAN_BASE = 'debian';

export interface BuildProps {
  readonly docker: Docker;
  /** Root of a checkout with its packages installed. */
  readonly repository: string;
  readonly tag: string;
  /** An image with Node 24 on glibc; DEBIAN_BASE; null: what the Dockerfile says. */
  readonly base: string | null;
  /** PEM of an Ed25519 private key; null: not signed. */
  readonly signingKey: string | null;
  readonly onStep: (step: string) => void;
}

export interface BuiltImage {
  readonly tag: string;
  readonly id: string;
  readonly sizeBytes: number;
  /** As an image can be named again; null: the Dockerfile's own. */
  readonly base: string | null;
  readonly facts: ImageFacts;
  readonly isSigned: boolean;
}

/** Where the node lies in the image. */
const CONTENT_PATH = '/opt/ashlar';

/** Rejects with ImageError or ProgramError. */
export async function buildImage(props: BuildProps): Promise<BuiltImage> {
  const { docker, repository, tag, onStep } = props;
  const { architecture } = await docker.engine();
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-image-'));
  try {
    onStep('compiling the node and installing its packages');
    const context = join(directory, 'context');
    const { facts, created } = await layOutContext({ repository, directory: context, architecture });
    const signature = props.signingKey === null ? null : signFacts(facts, props.signingKey);
    const labels = Object.entries(imageLabels(facts, created, signature)).flatMap(([name, value]) => [
      '--label',
      `${name}=${value}`,
    ]);
    const base = props.base === DEBIAN_BASE ? await debianBase(props, architecture, directory) : props.base;
    onStep(`building ${tag}${base === null ? '' : ` on ${base}`}`);
    const choice = base === null ? [] : ['--build-arg', `BASE=${base}`];
    await docker.run(['build', '--quiet', ...choice, ...labels, '--tag', tag, context]);
    const { Id: id, Size: sizeBytes } = (await docker.inspect('image', tag)) as { Id: string; Size: number };
    return { tag, id, sizeBytes, base, facts, isSigned: signature !== null };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function debianBase(props: BuildProps, architecture: string, directory: string): Promise<string> {
  const { docker, repository } = props;
  const { devDependencies } = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
    devDependencies: { node: string };
  };
  const tag = `ashlar-base:node-${devDependencies.node}`;
  props.onStep(`making ${tag} from Debian packages`);
  const work = join(directory, 'base');
  mkdirSync(work);
  await makeDebianBase({ docker, repository, architecture, directory: work, tag });
  return tag;
}

/** Writes the image into a file, as `docker load` reads it. */
export async function saveImage(docker: Docker, tag: string, file: string): Promise<void> {
  await requireImage(docker, tag);
  await docker.run(['save', '--output', file, tag]);
}

/** target: REGISTRY/NAME:TAG. Resolves with the reference by digest, which never means another image later. */
export async function pushImage(docker: Docker, tag: string, target: string): Promise<string> {
  await requireImage(docker, tag);
  if (target !== tag) await docker.run(['tag', tag, target]);
  await docker.run(['push', '--quiet', target]);
  const { RepoDigests: digests } = (await docker.inspect('image', target)) as { RepoDigests: string[] };
  const repository = target.replace(/:[^:/]+$/, '');
  const reference = digests.find((digest) => digest.startsWith(`${repository}@`));
  if (reference !== undefined) return reference;
  throw new ImageError('failure', `${target} was pushed, but the engine knows no digest of it`);
}

export interface Verification {
  readonly facts: ImageFacts;
  /** What is wrong, a sentence each; empty when the image is what its labels say. */
  readonly problems: readonly string[];
}

/** publicKey: PEM; null: only the digest is checked. Rejects with ImageError when it is no image of ours at all. */
export async function verifyImage(docker: Docker, tag: string, publicKey: string | null): Promise<Verification> {
  await requireImage(docker, tag);
  const { Config } = (await docker.inspect('image', tag)) as { Config: { Labels: Record<string, string> | null } };
  const labelled = factsOfLabels(Config.Labels);
  if (labelled === null)
    throw new ImageError('input', `${tag} has no labels of Ashlar; it was built by something else`);
  const { signature, ...facts } = labelled;
  const problems: string[] = [];
  const found = await digestInImage(docker, tag);
  if (found !== facts.contentDigest) {
    problems.push(`${CONTENT_PATH} in it has digest ${found}, and its label says ${facts.contentDigest}`);
  }
  if (publicKey !== null && signature === null) problems.push('it is not signed');
  if (publicKey !== null && signature !== null && !isSignedBy(facts, signature, publicKey)) {
    problems.push('its signature is not of this key, or not for this version, revision and digest');
  }
  return { facts, problems };
}

async function digestInImage(docker: Docker, tag: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-verify-'));
  const container = await docker.run(['create', tag]);
  try {
    const copy = join(directory, 'content');
    await docker.run(['cp', `${container}:${CONTENT_PATH}`, copy]);
    return digestOfDirectory(copy);
  } finally {
    await docker.try(['rm', container]);
    rmSync(directory, { recursive: true, force: true });
  }
}

async function requireImage(docker: Docker, tag: string): Promise<void> {
  await docker.engine();
  const found = await docker.try(['image', 'inspect', '--format', '{{.Id}}', tag]);
  if (found.exitCode !== 0) {
    throw new ImageError(
      'input',
      `the engine has no image ${tag}; build it with "npx ashlar image build --tag ${tag}"`,
    );
  }
}
