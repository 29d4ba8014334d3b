// What a deploy with Terraform needs here: Terraform itself, and the provider from the registry or built from its source.
import { ensureProvider, providerObstacle } from '../../../stacks/testbed/swarm/terraform-provider.ts';
import { isInstalled } from '../programs.ts';

/** For programs that run Terraform: no questions, no look for newer versions. */
const QUIET = { CI: '1', CHECKPOINT_DISABLE: '1', DISABLE_VERSION_CHECK: '1' };

export type TerraformEnvironment = Readonly<Record<string, string>>;

let preparing: Promise<TerraformEnvironment> | null = null;

/** Why nothing can be deployed with Terraform here; null when it can. */
export async function terraformObstacle(): Promise<string | null> {
  return (await isInstalled('terraform')) ? providerObstacle() : 'needs terraform on the PATH';
}

/** Once for all who ask. Resolves with what Terraform's environment must say. Rejects when the provider cannot be built. */
export function prepareTerraform(): Promise<TerraformEnvironment> {
  preparing ??= ensureProvider(() => {}).then((file) =>
    file === null ? QUIET : { ...QUIET, TF_CLI_CONFIG_FILE: file },
  );
  return preparing;
}
