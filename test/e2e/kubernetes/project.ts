// A user's directory for a cluster on a Kubernetes testbed: the spec, the settings, the secrets, and `ashlar` run in it.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { KubernetesSettingsInput } from '../../../stacks/kubernetes/settings.ts';
import { adminToken } from '../../../stacks/local/node-client.ts';
import { packageRoot } from '../../../stacks/local/program-files.ts';
import { type ProgramResult, run } from '../programs.ts';
import type { S3Credentials } from '../traffic/s3-connection.ts';

export class KubernetesProject {
  readonly directory: string;
  readonly #cluster: string;
  readonly #kubeconfig: string;

  /** directory: made here. cluster: its name in the spec. */
  constructor(directory: string, cluster: string, spec: string, kubeconfig: string) {
    this.directory = directory;
    this.#cluster = cluster;
    this.#kubeconfig = kubeconfig;
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, 'cluster.yaml'), spec);
  }

  settle(settings: KubernetesSettingsInput): void {
    writeFileSync(join(this.directory, 'kubernetes.yaml'), stringify(settings));
  }

  ashlar(args: readonly string[], mustSucceed = true): Promise<ProgramResult> {
    const options = { cwd: this.directory, env: { KUBECONFIG: this.#kubeconfig }, mustSucceed };
    return run(process.execPath, [join(packageRoot(), 'cli', 'main.ts'), ...args], options);
  }

  /** As `ashlar kubernetes secrets` has drawn them. */
  credentials(): S3Credentials {
    return { accessKeyId: this.#secret('root-user'), secretAccessKey: this.#secret('root-password') };
  }

  /** Bearer token of the admin interface. */
  token(): string {
    return adminToken(this.#secret('cluster-secret'));
  }

  #secret(file: string): string {
    return readFileSync(join(this.directory, '.ashlar', `${this.#cluster}.kubernetes`, 'secrets', file), 'utf8');
  }
}
