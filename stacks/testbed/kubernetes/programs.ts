// The programs of a Kubernetes that no Debian package has, built from their sources once: the server (one program for all of its parts),
// the DNS of the cluster, and what holds the namespaces of a pod.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestbedError } from '../errors.ts';
import { buildGoProgram, cacheDirectory, hasGo } from '../go-build.ts';

export interface KubernetesPrograms {
  readonly server: string;
  readonly dns: string;
  readonly pause: string;
}

type Part = keyof KubernetesPrograms;

const SOURCES = fileURLToPath(new URL('programs', import.meta.url));
const PARTS: readonly Part[] = ['pause', 'dns', 'server'];

/** Why there are none here, in a sentence; null when there are, or they can be built. */
export async function programsObstacle(): Promise<string | null> {
  if (PARTS.every((part) => existsSync(programFile(part))) || (await hasGo())) return null;
  return 'Kubernetes is built from its source here, and there is no go on the PATH';
}

/**
 * onBuild: told when a build begins. The server takes two cores some ten minutes, 2.3 GB of memory and 3 GB of disk for Go's caches.
 * Rejects with TestbedError or ProgramError.
 */
export async function ensurePrograms(onBuild: (part: string) => void): Promise<KubernetesPrograms> {
  for (const part of PARTS) {
    if (existsSync(programFile(part))) continue;
    const obstacle = await programsObstacle();
    if (obstacle !== null) throw new TestbedError('input', obstacle);
    onBuild(part);
    await buildGoProgram({
      sources: join(SOURCES, part),
      target: '.',
      variables: part === 'server' ? versionVariables() : {},
      program: programFile(part),
    });
  }
  return { server: programFile('server'), dns: programFile('dns'), pause: programFile('pause') };
}

/** As the server and the kubelets state it: "v1.33.13". */
export function kubernetesVersion(): string {
  return /k8s\.io\/kubernetes (v\S+)/.exec(source('server', 'go.mod'))![1]!;
}

/** What the release's own build writes there; without it a kubelet says that it is v0.0.0. */
function versionVariables(): Record<string, string> {
  const version = kubernetesVersion();
  const [major, minor] = version.slice(1).split('.') as [string, string];
  const of = (name: string) => `k8s.io/component-base/version.${name}`;
  return { [of('gitVersion')]: version, [of('gitMajor')]: major, [of('gitMinor')]: minor };
}

/** By the content of its sources, so that another version is another file. */
function programFile(part: Part): string {
  const digest = createHash('sha256');
  for (const file of readdirSync(join(SOURCES, part)).sort()) digest.update(source(part, file));
  return join(cacheDirectory(), 'kubernetes', `${part}-${digest.digest('hex').slice(0, 12)}`);
}

function source(part: Part, file: string): string {
  return readFileSync(join(SOURCES, part, file), 'utf8');
}
