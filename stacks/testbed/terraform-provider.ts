// The provider that a deploy with Terraform needs, where registry.terraform.io cannot be reached: built from its source through the Go
// module proxy, once, into a mirror in the user's cache, and a Terraform configuration that installs from there.
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProgramError, runProgram, tryProgram } from '../run-program.ts';
import { TestbedError } from './errors.ts';

const REGISTRY = 'https://registry.terraform.io/.well-known/terraform.json';
const REGISTRY_TIMEOUT_MS = 10_000;

/** Where networks can be attached by id. The module states another path than that of its repository. */
const SOURCE = 'github.com/kreuzwerker/terraform-provider-docker v0.0.0-20260916201441-96d331c98ff4';
const MODULE = 'github.com/terraform-providers/terraform-provider-docker';
const VERSION = '4.6.0';

/** Why there is no provider to be had here, in a sentence; null when there is, or one can be built. */
export async function providerObstacle(): Promise<string | null> {
  if (existsSync(providerFile()) || (await isRegistryReachable()) || (await hasGo())) return null;
  return `${new URL(REGISTRY).host} does not answer, and there is no go on the PATH to build the Docker provider with`;
}

/**
 * The file for TF_CLI_CONFIG_FILE; null where the registry answers and none is needed. onBuild: told when a build begins, which takes
 * minutes. Rejects with TestbedError or ProgramError.
 */
export async function ensureProvider(onBuild: () => void): Promise<string | null> {
  if (await isRegistryReachable()) return null;
  if (!existsSync(providerFile())) {
    const obstacle = await providerObstacle();
    if (obstacle !== null) throw new TestbedError('input', obstacle);
    onBuild();
    await buildProvider();
  }
  const configuration = join(cache(), 'terraform.rc');
  const installation = `provider_installation {\n  filesystem_mirror { path = ${JSON.stringify(mirror())} }\n}\n`;
  await writeFile(configuration, `disable_checkpoint = true\n${installation}`);
  return configuration;
}

/** Aside first, then renamed, so that an interruption leaves nothing that looks whole. */
async function buildProvider(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-provider-'));
  try {
    const lines = ['module provider', 'go 1.24', `require ${MODULE} v0.0.0`, `replace ${MODULE} v0.0.0 => ${SOURCE}`];
    await writeFile(join(directory, 'go.mod'), `${lines.join('\n')}\n`);
    const built = join(directory, 'provider');
    const args = ['build', '-mod=mod', '-trimpath', '-ldflags', '-s -w', '-o', built, MODULE];
    await runProgram('env', ['CGO_ENABLED=0', 'nice', 'go', ...args], { cwd: directory });
    await mkdir(dirname(providerFile()), { recursive: true });
    const beside = `${providerFile()}.${process.pid}`;
    await copyFile(built, beside);
    await chmod(beside, 0o755);
    await rename(beside, providerFile());
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function isRegistryReachable(): Promise<boolean> {
  try {
    return (await fetch(REGISTRY, { signal: AbortSignal.timeout(REGISTRY_TIMEOUT_MS) })).ok;
  } catch {
    return false;
  }
}

function hasGo(): Promise<boolean> {
  return tryProgram('go', ['version']).then(
    ({ exitCode }) => exitCode === 0,
    (error: unknown) => {
      if (error instanceof ProgramError) return false;
      throw error;
    },
  );
}

const cache = () => join(homedir(), '.cache', 'ashlar');
const mirror = () => join(cache(), 'terraform-mirror');

function providerFile(): string {
  const platform = `${process.platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const file = `terraform-provider-docker_v${VERSION}`;
  return join(mirror(), 'registry.terraform.io', 'kreuzwerker', 'docker', VERSION, platform, file);
}
