// What a deploy with Terraform needs here: Terraform itself and the Docker provider, from the public registry where that can be
// reached, else built from its source through the Go module proxy, once, into a cache outside the repository.
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { isInstalled, run } from '../programs.ts';

/** For programs that run Terraform: no questions, no look for newer versions. */
const QUIET = { CI: '1', CHECKPOINT_DISABLE: '1', DISABLE_VERSION_CHECK: '1' };
const REGISTRY = 'https://registry.terraform.io/.well-known/terraform.json';
const REGISTRY_TIMEOUT_MS = 10_000;

/** Between 3.6 and 4.7, with networks attached by id; the module states another path than its repository's. */
const SOURCE = 'github.com/kreuzwerker/terraform-provider-docker v0.0.0-20260916201441-96d331c98ff4';
const MODULE = 'github.com/terraform-providers/terraform-provider-docker';
const VERSION = '4.6.0';

export type TerraformEnvironment = Readonly<Record<string, string>>;

let preparing: Promise<TerraformEnvironment> | null = null;

/** Why nothing can be deployed with Terraform here; null when it can. */
export async function terraformObstacle(): Promise<string | null> {
  if (!(await isInstalled('terraform'))) return 'needs terraform on the PATH';
  if ((await isRegistryReachable()) || existsSync(providerFile()) || (await isInstalled('go'))) return null;
  return `needs the Docker provider: ${new URL(REGISTRY).host} does not answer, and there is no go on the PATH to build it with`;
}

/** Once for all who ask. Resolves with what Terraform's environment must say. Rejects when the provider cannot be built. */
export function prepareTerraform(): Promise<TerraformEnvironment> {
  preparing ??= findOrBuild();
  return preparing;
}

async function findOrBuild(): Promise<TerraformEnvironment> {
  if (await isRegistryReachable()) return QUIET;
  if (!existsSync(providerFile())) await buildProvider();
  const configuration = join(cache(), 'terraform.rc');
  const text = `disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror { path = ${JSON.stringify(mirror())} }\n}\n`;
  await writeFile(configuration, text);
  return { ...QUIET, TF_CLI_CONFIG_FILE: configuration };
}

/** Aside first, then renamed, so that an interruption leaves nothing that looks whole. */
async function buildProvider(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-provider-'));
  try {
    const module = ['module provider', 'go 1.24', `require ${MODULE} v0.0.0`, `replace ${MODULE} v0.0.0 => ${SOURCE}`];
    await writeFile(join(directory, 'go.mod'), `${module.join('\n')}\n`);
    const built = join(directory, 'provider');
    const args = ['build', '-mod=mod', '-trimpath', '-ldflags', '-s -w', '-o', built, MODULE];
    await run('nice', ['go', ...args], { cwd: directory, env: { CGO_ENABLED: '0' } });
    await chmod(built, 0o755);
    await mkdir(dirname(providerFile()), { recursive: true });
    const beside = `${providerFile()}.${process.pid}`;
    await run('cp', [built, beside]);
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

const cache = () => join(homedir(), '.cache', 'ashlar');
const mirror = () => join(cache(), 'terraform-mirror');

function providerFile(): string {
  const platform = `${process.platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const file = `terraform-provider-docker_v${VERSION}`;
  return join(mirror(), 'registry.terraform.io', 'kreuzwerker', 'docker', VERSION, platform, file);
}
