// `pulumi up`, `pulumi preview` and `pulumi destroy` of the program behind Pulumi.yaml, in a directory of a user's: by Pulumi itself, or
// where that is not, by the SDK's own runner with a stand-in for the engine that takes what is registered to the API server, one object
// after another, as the provider does.
import { cpSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Manifest } from '../../../stacks/kubernetes/manifest.ts';
import { type Registration, type Run, runPulumi } from '../../support/fake-pulumi-engine.ts';
import { manifestsOf } from '../../support/pulumi-collector.ts';
import { run } from '../programs.ts';
import { applied, deleted, differences } from './objects.ts';

export interface PulumiOutcome {
  readonly isDone: boolean;
  /** Everything that was printed. */
  readonly said: string;
}

export interface PulumiCommands {
  readonly title: string;
  /** From what is registered now. */
  up(): Promise<PulumiOutcome>;
  /** What the next up would change, in words; empty: nothing. */
  changes(): Promise<string>;
  destroy(): Promise<void>;
}

export interface PulumiProps {
  readonly repository: string;
  /** Of the user: cluster.yaml, kubernetes.yaml and the secrets. */
  readonly project: string;
  readonly kubeconfig: string;
}

const STACK = 'e2e';
/** What Pulumi.yaml runs, and what that imports. */
const PROGRAM_FILES = ['Pulumi.yaml', 'package.json', 'spec', 'plan', 'stacks', 'node'];

/** The engine is ours, the runner and the program are what Pulumi would run. */
export class StandInPulumi implements PulumiCommands {
  readonly title = "the SDK's runner and a stand-in for Pulumi's engine";
  readonly #props: PulumiProps;
  /** By URN, in the order in which they were made; what Pulumi's state is. */
  #made = new Map<string, Made>();

  constructor(props: PulumiProps) {
    this.#props = props;
  }

  async up(): Promise<PulumiOutcome> {
    const { kubeconfig } = this.#props;
    const seen = new Set<string>();
    const outcome = await this.#run(false, async (resource) => {
      const made = madeOf(resource);
      if (made === null) return;
      await applied(kubeconfig, made.manifest);
      const before = this.#made.get(resource.urn);
      // Another name is another object: the engine makes the new one first, and deletes the old one when all is done.
      if (before !== undefined && before.manifest.metadata.name !== made.manifest.metadata.name) {
        this.#made.set(`${resource.urn} before`, before);
      }
      this.#made.set(resource.urn, made);
      seen.add(resource.urn);
    });
    if (outcome.isDone) await this.#remove([...this.#made.keys()].filter((urn) => !seen.has(urn)));
    return outcome;
  }

  async changes(): Promise<string> {
    const manifests: Manifest[] = [];
    const outcome = await this.#run(true, async (resource) => {
      const made = madeOf(resource);
      if (made !== null) manifests.push(made.manifest);
    });
    if (!outcome.isDone) throw new Error(`the preview failed:\n${outcome.said}`);
    return differences(this.#props.kubeconfig, manifests);
  }

  async destroy(): Promise<void> {
    await this.#remove([...this.#made.keys()]);
  }

  async #remove(urns: readonly string[]): Promise<void> {
    for (const urn of urns.toReversed()) {
      const { manifest, isKept } = this.#made.get(urn)!;
      if (!isKept) await deleted(this.#props.kubeconfig, manifest);
      this.#made.delete(urn);
    }
  }

  async #run(isPreview: boolean, provide: (resource: Registration) => Promise<void>): Promise<PulumiOutcome> {
    const { repository, project, kubeconfig } = this.#props;
    const outcome: Run = await runPulumi({
      ...{ project: repository, rootDirectory: project, isPreview, provide, node: process.execPath },
      environment: { PATH: process.env.PATH!, HOME: process.env.HOME!, KUBECONFIG: kubeconfig },
    });
    const lines = outcome.log.map(({ severity, message }) => `${severity}: ${message}`);
    return { isDone: outcome.exitCode === 0, said: [outcome.printed, ...lines].join('\n') };
  }
}

/** Pulumi's own program, with its state in a directory. */
export class RealPulumi implements PulumiCommands {
  readonly title = 'pulumi';
  readonly #project: string;
  readonly #environment: Readonly<Record<string, string>>;

  /** directory: fresh; the project and Pulumi's state come into it. */
  constructor({ repository, project, kubeconfig }: PulumiProps, directory: string) {
    const state = join(directory, 'state');
    mkdirSync(state, { recursive: true });
    for (const file of PROGRAM_FILES) cpSync(join(repository, file), join(project, file), { recursive: true });
    symlinkSync(join(repository, 'node_modules'), join(project, 'node_modules'));
    this.#project = project;
    this.#environment = {
      PATH: `${join(repository, 'node_modules', '.bin')}:${process.env.PATH}`,
      KUBECONFIG: kubeconfig,
      PULUMI_BACKEND_URL: `file://${state}`,
      PULUMI_CONFIG_PASSPHRASE: '',
      PULUMI_SKIP_UPDATE_CHECK: 'true',
    };
  }

  async up(): Promise<PulumiOutcome> {
    await this.#selectStack();
    const { exitCode, stdout, stderr } = await this.#pulumi(['up', '--yes', '--skip-preview'], false);
    return { isDone: exitCode === 0, said: stdout + stderr };
  }

  async changes(): Promise<string> {
    await this.#selectStack();
    const { exitCode, stdout, stderr } = await this.#pulumi(['preview', '--diff', '--expect-no-changes'], false);
    if (exitCode === 0) return '';
    const said = stdout + stderr;
    if (!said.includes('no changes were expected')) throw new Error(`the preview failed:\n${said}`);
    return said;
  }

  async destroy(): Promise<void> {
    await this.#pulumi(['destroy', '--yes', '--skip-preview']);
  }

  #selectStack() {
    return this.#pulumi(['stack', 'select', '--create', STACK]);
  }

  #pulumi(args: readonly string[], mustSucceed = true) {
    const flags = ['--non-interactive', '--color', 'never', ...(args[0] === 'stack' ? [] : ['--stack', STACK])];
    return run('pulumi', [...args, ...flags], { cwd: this.#project, env: this.#environment, mustSucceed });
  }
}

interface Made {
  readonly manifest: Manifest;
  /** Outlives a destroy. */
  readonly isKept: boolean;
}

/** null: of no kind that Kubernetes knows. */
function madeOf({ type, name, inputs, isRetainedOnDelete }: Registration): Made | null {
  const [manifest] = manifestsOf([{ type, name, inputs }]);
  return manifest === undefined || manifest.kind === undefined ? null : { manifest, isKept: isRetainedOnDelete };
}
