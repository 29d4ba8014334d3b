// The images of the swarm suite, in the registry of its testbed: the storage node as it is built, another version of it, one
// that does not start, and HAProxy from Debian's packages.
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Docker } from '../../../stacks/docker.ts';
import { pushImage } from '../../../stacks/image/build-image.ts';
import { run } from '../programs.ts';

export interface ImagePlace {
  readonly docker: Docker;
  /** "10.77.0.2:5000" */
  readonly registry: string;
  /** Empty; for files on the way. */
  readonly directory: string;
}

/** The image `from` with one instruction more, under another name. Resolves with its reference by digest. */
export async function derivedImage(
  { docker, registry, directory }: ImagePlace,
  from: string,
  tag: string,
  instruction: string,
): Promise<string> {
  const context = join(directory, tag);
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), `FROM ${from}\n${instruction}\n`);
  const name = `ashlar:${tag}`;
  await docker.run(['build', '--quiet', '--tag', name, context]);
  return pushImage(docker, name, `${registry}/${name}`);
}

/** Needs haproxy on this machine. The same libraries at the same places, and nothing else. */
export async function haproxyImage({ docker, registry, directory }: ImagePlace): Promise<string> {
  const root = join(directory, 'haproxy');
  const program = '/usr/sbin/haproxy';
  const { stdout } = await run('ldd', [program]);
  const libraries = [...stdout.matchAll(/(\/\S+\.so\S*)/g)].map(([path]) => path);
  for (const path of [program, ...libraries]) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    cpSync(realpathSync(path), join(root, path));
  }
  mkdirSync(join(root, 'tmp'), { recursive: true });
  mkdirSync(join(root, 'usr/local/sbin'), { recursive: true });
  symlinkSync(program, join(root, 'usr/local/sbin/haproxy'));
  const tarball = join(directory, 'haproxy.tar');
  await run('tar', ['-C', root, '--owner=0', '--group=0', '-cf', tarball, '.']);
  await docker.run(['import', '--change', 'ENV PATH=/usr/local/sbin:/usr/sbin', tarball, 'haproxy:e2e']);
  return pushImage(docker, 'haproxy:e2e', `${registry}/haproxy:e2e`);
}
