// The provider that a deploy with Terraform needs, where registry.terraform.io cannot be reached: built from its source through the Go
// module proxy, once, into a mirror in the user's cache, and a Terraform configuration that installs from there.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TestbedError } from '../errors.ts';
import { buildGoProgram, cacheDirectory, hasGo } from '../go-build.ts';

const REGISTRY = 'https://registry.terraform.io/.well-known/terraform.json';
const REGISTRY_TIMEOUT_MS = 10_000;

const MODULE = 'github.com/terraform-providers/terraform-provider-docker';
const VERSION = '4.6.0';
const SOURCES = fileURLToPath(new URL('provider', import.meta.url));

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
    await buildGoProgram({ sources: SOURCES, target: MODULE, program: providerFile() });
  }
  const configuration = join(cacheDirectory(), 'terraform.rc');
  const installation = `provider_installation {\n  filesystem_mirror { path = ${JSON.stringify(mirror())} }\n}\n`;
  await writeFile(configuration, `disable_checkpoint = true\n${installation}`);
  return configuration;
}

async function isRegistryReachable(): Promise<boolean> {
  try {
    return (await fetch(REGISTRY, { signal: AbortSignal.timeout(REGISTRY_TIMEOUT_MS) })).ok;
  } catch {
    return false;
  }
}

const mirror = () => join(cacheDirectory(), 'terraform-mirror');

function providerFile(): string {
  const platform = `${process.platform}_${process.arch === 'x64' ? 'amd64' : process.arch}`;
  const file = `terraform-provider-docker_v${VERSION}`;
  return join(mirror(), 'registry.terraform.io', 'kreuzwerker', 'docker', VERSION, platform, file);
}
