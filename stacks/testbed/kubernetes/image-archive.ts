// What an archive of "docker save" says about itself, and how a Kubernetes names what was in it.
import { z } from 'zod';
import { runProgram } from '../../run-program.ts';
import { TestbedError } from '../errors.ts';

const MANIFEST = z.array(z.object({ RepoTags: z.array(z.string()).nullish() })).min(1);

/** The repository of its image, in full: "docker.io/library/ashlar". Rejects with TestbedError. */
export async function repositoryOf(archive: string): Promise<string> {
  const { stdout } = await runProgram('tar', ['-xOf', archive, 'manifest.json']);
  const [image, ...others] = MANIFEST.parse(JSON.parse(stdout));
  const tag = image!.RepoTags?.[0];
  if (tag !== undefined && others.length === 0) return fullName(tag.replace(/:[^:/]+$/, ''));
  const why = tag === undefined ? 'its image has no name' : 'it holds several images';
  throw new TestbedError(
    'input',
    `${archive} cannot be loaded: ${why}; save one with "docker save NAME:TAG --output FILE"`,
  );
}

/** As every engine reads a short name. */
function fullName(name: string): string {
  const [first] = name.split('/') as [string];
  if (first === name) return `docker.io/library/${name}`;
  return /[.:]|^localhost$/.test(first) ? name : `docker.io/${name}`;
}
