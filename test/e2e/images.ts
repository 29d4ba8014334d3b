// The images that suites on testbeds deploy, beside the storage node as it is built: another version of it, one that does not start,
// HAProxy from Debian's packages, and MinIO.
import { cpSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Docker } from '../../stacks/docker.ts';
import { buildImage, DEBIAN_BASE } from '../../stacks/image/build-image.ts';
import { packageRoot } from '../../stacks/local/program-files.ts';
import { run } from './programs.ts';

export interface ImagePlace {
  readonly docker: Docker;
  /** Brings it from the engine to the hosts. Resolves with its reference by digest. */
  readonly publish: (tag: string) => Promise<string>;
  /** Empty; for files on the way. */
  readonly directory: string;
}

/** Of the storage node, on a base from Debian packages. */
export async function builtImage({ docker, publish }: ImagePlace, tag = 'ashlar:e2e'): Promise<string> {
  const props = { docker, repository: packageRoot(), tag, base: DEBIAN_BASE, signingKey: null, onStep: () => {} };
  await buildImage(props);
  return publish(tag);
}

/** The image `from` with one instruction more, under another name. Resolves with its reference by digest. */
export async function derivedImage(
  { docker, directory, publish }: ImagePlace,
  from: string,
  tag: string,
  instruction: string,
): Promise<string> {
  const context = join(directory, tag);
  mkdirSync(context, { recursive: true });
  writeFileSync(join(context, 'Dockerfile'), `FROM ${from}\n${instruction}\n`);
  const name = `ashlar:${tag}`;
  await docker.run(['build', '--quiet', '--tag', name, context]);
  return publish(name);
}

/** Needs haproxy on this machine. The same libraries at the same places, and nothing else. */
export async function haproxyImage(place: ImagePlace): Promise<string> {
  const program = '/usr/sbin/haproxy';
  const { stdout } = await run('ldd', [program]);
  const libraries = [...stdout.matchAll(/(\/\S+\.so\S*)/g)].map(([path]) => path);
  const files = new Map([program, ...libraries].map((path) => [path, realpathSync(path)]));
  return importedImage(place, 'haproxy:e2e', files, 'ENV PATH=/usr/sbin');
}

/** program: a statically linked MinIO. With its official image's entry point, as far as that goes without a shell. */
export function minioImage(place: ImagePlace, program: string): Promise<string> {
  return importedImage(place, 'minio:e2e', new Map([['/usr/bin/minio', program]]), 'ENTRYPOINT ["/usr/bin/minio"]');
}

/** files: by their paths in the image. Resolves with the image's reference by digest. */
async function importedImage(
  { docker, directory, publish }: ImagePlace,
  tag: string,
  files: ReadonlyMap<string, string>,
  change: string,
): Promise<string> {
  const root = join(directory, tag, 'root');
  mkdirSync(join(root, 'tmp'), { recursive: true });
  for (const [path, source] of files) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    cpSync(source, join(root, path));
  }
  const tarball = join(directory, tag, 'root.tar');
  await run('tar', ['-C', root, '--owner=0', '--group=0', '-cf', tarball, '.']);
  await docker.run(['import', '--change', change, tarball, tag]);
  return publish(tag);
}
