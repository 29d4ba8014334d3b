// A directory from which a cluster is deployed to a testbed, with the two command lines that a user has: `ashlar` and `cdktf`.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SwarmSettingsInput } from '../../../stacks/swarm/settings.ts';
import { clientCommand } from '../../../stacks/testbed/swarm/testbed.ts';
import { type ProgramResult, run } from '../programs.ts';
import type { S3Credentials } from '../traffic/s3-connection.ts';
import type { TerraformEnvironment } from './terraform.ts';

export interface DeploymentProps {
  readonly repository: string;
  readonly directory: string;
  /** Name of the testbed. */
  readonly testbed: string;
  readonly spec: string;
  readonly managers: readonly string[];
  readonly environment: TerraformEnvironment;
}

/** What Terraform prints when it has nothing to do. */
const NO_CHANGES = 'No changes.';

export class Deployment {
  readonly #props: DeploymentProps;

  constructor(props: DeploymentProps) {
    this.#props = props;
    mkdirSync(props.directory, { recursive: true });
    writeFileSync(join(props.directory, 'cluster.yaml'), props.spec);
  }

  settle(settings: SwarmSettingsInput): void {
    const { repository, directory, managers } = this.#props;
    const project = {
      language: 'typescript',
      app: `${process.execPath} ${join(repository, 'stacks', 'swarm', 'main.ts')}`,
      projectId: 'ashlar-e2e',
      sendCrashReports: 'false',
      context: { spec: 'cluster.yaml', swarm: { managers, ...settings } },
    };
    writeFileSync(join(directory, 'cdktf.json'), JSON.stringify(project, null, 2));
  }

  /** Rejects when it exits with another code than 0. */
  async ashlar(...args: string[]): Promise<string> {
    return (await this.#run([], 'main.ts', args, true)).stdout;
  }

  /** From where hosts can be reached, because the gate asks the nodes. */
  deploy(cluster: string, mustSucceed = true): Promise<ProgramResult> {
    return this.#cdktf(['deploy', '--auto-approve', cluster], mustSucceed);
  }

  /** What was synthesized last, by Terraform alone and in its own working directory; the gate is still ours. */
  async applyPlainly(cluster: string): Promise<void> {
    const { directory, environment, testbed } = this.#props;
    const options = { cwd: join(directory, 'cdktf.out', 'stacks', cluster), env: environment };
    await run('terraform', ['init', '-input=false'], options);
    const [enter, ...rest] = clientCommand(testbed);
    await run(enter!, [...rest, 'terraform', 'apply', '-input=false', '-auto-approve'], options);
  }

  destroy(cluster: string): Promise<ProgramResult> {
    return this.#cdktf(['destroy', '--auto-approve', cluster], true);
  }

  /** Whether the next deploy would change anything. Also makes Terraform fetch the provider. */
  async differs(cluster: string): Promise<boolean> {
    const { stdout } = await this.#run([], 'cdktf.js', ['diff', '--skip-provider-lock', cluster], true);
    return !stdout.includes(NO_CHANGES);
  }

  /** As `ashlar swarm secrets` has drawn them. */
  secrets(cluster: string): { readonly clusterSecret: string; readonly credentials: S3Credentials } {
    const read = (file: string) =>
      readFileSync(join(this.#props.directory, '.ashlar', `${cluster}.swarm`, 'secrets', file), 'utf8');
    return {
      clusterSecret: read('cluster-secret'),
      credentials: { accessKeyId: read('root-user'), secretAccessKey: read('root-password') },
    };
  }

  #cdktf(args: readonly string[], mustSucceed: boolean): Promise<ProgramResult> {
    const enter = clientCommand(this.#props.testbed);
    return this.#run(enter, 'cdktf.js', [...args, '--skip-provider-lock'], mustSucceed);
  }

  #run(
    enter: readonly string[],
    program: 'main.ts' | 'cdktf.js',
    args: readonly string[],
    mustSucceed: boolean,
  ): Promise<ProgramResult> {
    const { repository, directory, environment } = this.#props;
    const [command, ...rest] = [...enter, process.execPath, join(repository, 'cli', program), ...args];
    return run(command!, rest, { cwd: directory, env: environment, mustSucceed });
  }
}
