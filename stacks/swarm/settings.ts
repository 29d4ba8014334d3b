// What the Swarm target has to know beyond the plan, as one zod schema: the names and sizes that belong to the platform and not to
// the cluster. It is the value of "swarm" in the context of cdktf.json, and the props of the construct. Pure.
import { z } from 'zod';
import { type HostSpec, storageMtu } from '../../spec/hosts.ts';
import { CAPACITY_PATTERN, capacityBytes } from '../../spec/quantities.ts';
import { settingsProblems } from '../settings-problems.ts';
import { refusal } from './errors.ts';

/** A digest makes it the same image on every host and in a year; without one every apply would find another. */
const IMAGE = /^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$/;
const DURATION = /^[0-9]{1,5}[smh]$/;
/** Absolute, without what a shell, a URL or Terraform would take apart. */
const PATH = /^(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)+$/;
const LABEL_KEY = /^[A-Za-z][A-Za-z0-9._-]{0,62}$/;
const MANAGER = /^(?:unix:\/\/\/\S+|(?:tcp|ssh):\/\/\S+)$/;
const SUBNET = /^[0-9]{1,3}(?:\.[0-9]{1,3}){3}\/[0-9]{1,2}$/;
/** Of the header that VXLAN puts around every packet. */
const VXLAN_BYTES = 50;

const image = z
  .string()
  .regex(IMAGE, 'is no image with a digest; write REGISTRY/NAME@sha256:… as "ashlar image push" prints it');
const duration = z.string().regex(DURATION, 'is no duration; write 30s, 10m or 1h');
const path = z.string().regex(PATH, 'is no absolute path');
const size = z.string().regex(CAPACITY_PATTERN, 'is no size; write 4GiB').transform(capacityBytes);
const cpus = z.number().positive();
const environment = z.record(z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'is no variable'), z.string());

const resources = z.strictObject({
  memoryLimit: size.nullable().default(null),
  memoryReservation: size.nullable().default(null),
  cpuLimit: cpus.nullable().default(null),
  cpuReservation: cpus.nullable().default(null),
});

/** Of a secret that somebody made with `docker secret create`, which prints its id. */
const externalSecret = z.strictObject({
  name: z.string().min(1).max(64),
  id: z.string().regex(/^[a-z0-9]{25}$/, 'is no id of a secret'),
});

export const swarmSettingsSchema = z.strictObject({
  /**
   * Docker hosts that are managers; the first that answers is talked to, because a dead one fails the whole deploy. Empty: what
   * DOCKER_HOST says, else the engine of this machine.
   */
  managers: z
    .array(z.string().regex(MANAGER, 'is no Docker host; write unix:///…, tcp://HOST:PORT or ssh://USER@HOST'))
    .default([]),
  /** Registries that need a login; configFile null: ~/.docker/config.json. Never in a service, which a change of it would replace. */
  registries: z
    .array(z.strictObject({ address: z.string().min(1), configFile: z.string().nullable().default(null) }))
    .default([]),
  /** Of kreuzwerker/docker, as a Terraform version constraint. From 4.0 networks are attached by id. */
  providerVersion: z.string().min(1).default('~> 4.6'),
  image,
  /** A drive without a path in the spec is mounted at DATA_ROOT/DRIVE of its host, for instance /mnt/d1. */
  dataRoot: path.default('/mnt'),
  /** Whether a file system must be mounted at the directory of every drive ("ashlar swarm check"). */
  mountPoints: z.enum(['required', 'optional']).default('required'),
  network: z
    .discriminatedUnion('mode', [
      z.strictObject({
        mode: z.literal('overlay'),
        subnet: z.string().regex(SUBNET, 'is no subnet; write 10.86.0.0/24').default('10.86.0.0/24'),
        /**
         * MTU of the links between the hosts; the overlay's own is smaller by the header of VXLAN. Where the spec describes its hosts,
         * their storage network says it (withHosts).
         */
        linkMtu: z.int().min(576).max(9216).default(1500),
      }),
      z.strictObject({ mode: z.literal('host') }),
    ])
    .prefault({ mode: 'overlay' }),
  /** Whether nodes are reached at their port on their host. The gate and external balancers need it; no effect on a host network. */
  publish: z.boolean().default(true),
  labels: z
    .strictObject({
      zone: z.string().regex(LABEL_KEY, 'is no label').default('zone'),
      /** null: "ashlar.CLUSTER". Its value is the name of the node that runs on the host. */
      node: z.string().regex(LABEL_KEY, 'is no label').nullable().default(null),
    })
    .prefault({}),
  resources: resources.prefault({}),
  logging: z
    .strictObject({ driver: z.string().min(1), options: z.record(z.string(), z.string()).default({}) })
    .default({ driver: 'json-file', options: { 'max-file': '3', 'max-size': '50m' } }),
  /** Further settings of the storage node, for instance ASHLAR_LOG_LEVEL. */
  environment: environment.default({}),
  /** By name of the node: what is different there. */
  nodes: z
    .record(
      z.string(),
      z.strictObject({ image: image.optional(), resources: resources.optional(), environment: environment.optional() }),
    )
    .default({}),
  /** Nodes that were there when the cluster was created: their peer list stays what it was. null: all of the spec. */
  founders: z.array(z.string()).min(1).nullable().default(null),
  secrets: z
    .discriminatedUnion('kind', [
      z.strictObject({ kind: z.literal('managed') }),
      z.strictObject({
        kind: z.literal('external'),
        clusterSecret: externalSecret.optional(),
        rootUser: externalSecret,
        rootPassword: externalSecret,
      }),
    ])
    .default({ kind: 'managed' }),
  /** For so long a container that does not answer is given the benefit of the doubt: longer than any start takes. */
  startPeriod: duration.default('5m'),
  /** Between SIGTERM and SIGKILL; also how long a destroy waits for a container to be gone. */
  stopGracePeriod: duration.default('60s'),
  /** A new service that is not live by then is deleted again by the provider, so this includes pulling the image. */
  convergeTimeout: duration.default('15m'),
  gate: z
    .strictObject({
      timeout: z
        .string()
        .regex(/^[0-9]{1,6}[smh]$/, 'is no duration; write 90s, 30m or 2h')
        .default('30m'),
      /** null: where "ashlar swarm secrets" put it. With external secrets a file that the machine of the deploy has. */
      secretFile: z.string().nullable().default(null),
      /** Base URLs to ask; empty: the published ports of the hosts. */
      endpoints: z.array(z.url({ protocol: /^https?$/ })).default([]),
    })
    .prefault({}),
  balancer: z
    .strictObject({
      /** HAProxy 2.6 or newer. */
      image,
      /** Where clients come in, on one host of each zone. null: the port of the spec's endpoint, else 8080. */
      port: z.int().min(1).max(65_535).nullable().default(null),
    })
    .nullable()
    .default(null),
});

export type SwarmSettingsInput = z.input<typeof swarmSettingsSchema>;
export type SwarmSettings = z.output<typeof swarmSettingsSchema>;
export type ResourceSettings = z.output<typeof resources>;

/** Throws SwarmError with everything that is wrong with them. */
export function parseSwarmSettings(value: unknown, where: string): SwarmSettings {
  const result = swarmSettingsSchema.safeParse(value ?? {});
  if (result.success) return result.data;
  throw refusal(`${where} does not say how to run the cluster on a Swarm`, settingsProblems(result.error));
}

/** The value of "swarm" with what the hosts of the spec say, where it says nothing itself: the MTU of their storage network. */
export function withHosts(value: unknown, hosts: readonly HostSpec[]): unknown {
  const linkMtu = storageMtu(hosts);
  const settings = z.looseObject({ network: z.looseObject({}).optional() }).safeParse(value);
  if (linkMtu === null || !settings.success) return value;
  const { network } = settings.data;
  if (network !== undefined && (network.mode !== 'overlay' || network.linkMtu !== undefined)) return value;
  return { ...settings.data, network: { mode: 'overlay', ...network, linkMtu } };
}

export function overlayMtu(linkMtu: number): number {
  return linkMtu - VXLAN_BYTES;
}

/** The label of a host whose value is the name of the node that runs there. */
export function nodeLabelKey({ labels }: SwarmSettings, cluster: string): string {
  return labels.node ?? `ashlar.${cluster}`;
}
