// The cdktf construct of a storage cluster on Docker Swarm. It writes down what describeSwarm decided, and with it the one thing
// that only Terraform can keep: the order, zone by zone, with the gate before each. Made for other people's apps as for ours.
import { Config } from '@cdktf/provider-docker/lib/config/index.js';
import { Network } from '@cdktf/provider-docker/lib/network/index.js';
import { Secret } from '@cdktf/provider-docker/lib/secret/index.js';
import type { Service } from '@cdktf/provider-docker/lib/service/index.js';
import { DataResource, type ITerraformDependable, TerraformOutput } from 'cdktf';
import { Construct } from 'constructs';
import type { Plan } from '../../plan/plan.ts';
import type { ClusterSecrets } from '../secret-files.ts';
import { describeSwarm } from './describe.ts';
import { dockerService } from './docker-service.ts';
import { type GateCommand, gateCommand } from './gate-command.ts';
import type { SwarmSettings } from './settings.ts';
import type { RunningService } from './swarm-facts.ts';
import type { RolloutStep, SwarmStack } from './swarm-stack.ts';
import { resourceName } from './terraform-text.ts';

export interface StorageClusterProps {
  /** Of a safe plan; an unsafe one is refused. */
  readonly plan: Plan;
  /** From parseSwarmSettings. */
  readonly settings: SwarmSettings;
  /** null with external secrets. They land in Terraform's state as plain text: keep it as you keep them, or use external ones. */
  readonly secrets: ClusterSecrets | null;
  /** What runs already, from readServices; null where nobody looked. With it a deploy that failed asks the gate again. */
  readonly running: readonly RunningService[] | null;
  /** How the gate is asked between zones. */
  readonly gate: GateCommand;
}

export class StorageCluster extends Construct {
  /** What was written down. */
  readonly stack: SwarmStack;
  /** null on the host network. */
  readonly network: Network | null;
  /** By name. */
  readonly services: ReadonlyMap<string, Service>;

  /** Throws SwarmError when it cannot be deployed like this, with every reason. */
  constructor(scope: Construct, id: string, props: StorageClusterProps) {
    super(scope, id);
    this.stack = describeSwarm(props);
    this.network = this.#addNetwork();
    this.services = this.#addServices(props);
    this.#addOutputs(props);
  }

  #addNetwork(): Network | null {
    const { network } = this.stack;
    if (network === null) return null;
    const resource = new Network(this, 'network', {
      name: network.name,
      driver: 'overlay',
      options: { 'com.docker.network.driver.mtu': String(network.mtu) },
      ipamConfig: [{ subnet: network.subnet, gateway: network.gateway }],
      // The engine adds the number of the VXLAN to the options, which would replace the network, and every service with it.
      lifecycle: { ignoreChanges: ['options["com.docker.network.driver.overlay.vxlanid_list"]'] },
    });
    resource.overrideLogicalId(resourceName(network.name));
    return resource;
  }

  #addServices(props: StorageClusterProps): Map<string, Service> {
    const secrets = this.#addSecrets();
    const configs = this.#addConfigs();
    const services = new Map<string, Service>();
    let before: readonly ITerraformDependable[] = [];
    for (const step of this.stack.rollout) {
      const gate = this.#addGate(step, before, props);
      const dependsOn = gate === null ? before : [gate];
      before = step.services.map((name) => {
        const service = this.stack.services.find((candidate) => candidate.name === name)!;
        const resource = dockerService(this, name, {
          service,
          secrets,
          configs,
          networkId: this.network?.id ?? null,
          dependsOn,
        });
        services.set(name, resource);
        return resource;
      });
    }
    return services;
  }

  /** The name holds a digest of the content: a changed secret is a new one, made before the services move on to it and the old one goes. */
  #addSecrets(): Map<string, { id: string; name: string }> {
    return new Map(
      this.stack.secrets.map(({ file, name, source }) => {
        if (source.kind === 'external') return [file, { id: source.id, name }];
        const resource = new Secret(this, file, {
          name,
          data: Buffer.from(source.value).toString('base64'),
          lifecycle: { createBeforeDestroy: true },
        });
        resource.overrideLogicalId(resourceName(`${this.stack.cluster}-${file}`));
        return [file, { id: resource.id, name: resource.name }];
      }),
    );
  }

  #addConfigs(): Map<string, { id: string; name: string }> {
    return new Map(
      this.stack.configs.map(({ name, text }) => {
        // Without the digest, so that a changed text is a change of one resource.
        const id = name.replace(/-[0-9a-f]{12}$/, '');
        const resource = new Config(this, `${id}-config`, {
          name,
          data: Buffer.from(text).toString('base64'),
          lifecycle: { createBeforeDestroy: true },
        });
        resource.overrideLogicalId(resourceName(id));
        return [name, { id: resource.id, name: resource.name }];
      }),
    );
  }

  /**
   * Terraform updates everything at once that does not depend on each other, so each zone depends on a gate and the gate on the zone
   * before. It is replaced, and by that asked, when and only when a service of its zone is to change (rollout.ts). When the answer
   * is no, Terraform marks it as tainted and stops there, and the next deploy asks again.
   */
  #addGate(
    step: RolloutStep,
    before: readonly ITerraformDependable[],
    props: StorageClusterProps,
  ): DataResource | null {
    if (step.gate === null) return null;
    const gate = new DataResource(this, `gate-${step.name}`, {
      triggersReplace: { services: step.trigger },
      provisioners: [
        {
          type: 'local-exec',
          command: gateCommand(this.stack, step, step.gate, props),
          workingDir: props.gate.directory,
        },
      ],
      dependsOn: [...before],
    });
    gate.overrideLogicalId(resourceName(`${this.stack.cluster}-gate-${step.name}`));
    return gate;
  }

  #addOutputs({ settings }: StorageClusterProps): void {
    const { cluster, endpoints } = this.stack;
    const credentials =
      settings.secrets.kind === 'managed'
        ? `eval "$(npx ashlar swarm env)", or the files root-user and root-password beside the cluster secret`
        : `the Docker secrets ${settings.secrets.rootUser.name} and ${settings.secrets.rootPassword.name}, which cannot be read back`;
    new TerraformOutput(this, 'endpoints', { value: endpoints }).overrideLogicalId(
      resourceName(`${cluster}-endpoints`),
    );
    new TerraformOutput(this, 'credentials', { value: credentials }).overrideLogicalId(
      resourceName(`${cluster}-credentials`),
    );
  }
}
