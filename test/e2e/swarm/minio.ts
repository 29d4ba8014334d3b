// MinIO for suites that run beside it or deploy it: the program, built from its source through the Go module proxy once, into a cache
// outside the repository.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { isInstalled, run } from '../programs.ts';

const MODULE = 'github.com/minio/minio@latest';

let preparing: Promise<string> | null = null;

/** Why there is none and none can be made; null when there is one, or will be. */
export async function minioObstacle(): Promise<string | null> {
  if (existsSync(program()) || (await isInstalled('go'))) return null;
  return `needs MinIO: there is neither ${program()} nor a go on the PATH to build it with`;
}

/** Once for all who ask. Resolves with the path of the program. Rejects when it cannot be built. */
export function prepareMinio(): Promise<string> {
  preparing ??= findOrBuild();
  return preparing;
}

async function findOrBuild(): Promise<string> {
  if (existsSync(program())) return program();
  await mkdir(directory(), { recursive: true });
  // go puts the finished program in its place by renaming.
  const env = { GOBIN: directory(), CGO_ENABLED: '0' };
  await run('nice', ['go', 'install', '-trimpath', '-ldflags', '-s -w', MODULE], { env });
  return program();
}

const directory = () => join(homedir(), '.cache', 'ashlar', 'bin');
const program = () => join(directory(), 'minio');
