// A cluster on a Swarm by hand: one `docker service create` for each node of a plan, with the same peer list for all.
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Plan, PlanNode } from '../../../plan/plan.ts';
import type { Docker } from '../../../stacks/docker.ts';
import { DISKS_PATH } from '../../../stacks/testbed/layout.ts';
import type { S3Credentials } from '../traffic/s3-connection.ts';

export interface HandMadeCluster {
  readonly credentials: S3Credentials;
  readonly clusterSecret: string;
}

/** On every host, as each host has one node. */
export const NODE_PORT = 9000;
const NETWORK = 'ashlar';
const IMAGE_USER = '10001';
const OVERLAY_MTU = '1450';

/** image: by digest. Resolves when the services are made, which is before they run. */
export async function createServices(docker: Docker, plan: Plan, image: string): Promise<HandMadeCluster> {
  const made = {
    clusterSecret: randomBytes(24).toString('hex'),
    credentials: { accessKeyId: 'root', secretAccessKey: randomBytes(24).toString('hex') },
  };
  const secrets = {
    'cluster-secret': made.clusterSecret,
    'root-user': made.credentials.accessKeyId,
    'root-password': made.credentials.secretAccessKey,
  };
  for (const [name, text] of Object.entries(secrets)) {
    await docker.run(['secret', 'create', name, '-'], { stdin: Readable.from([text]) });
  }
  const mtu = ['--opt', `com.docker.network.driver.mtu=${OVERLAY_MTU}`];
  await docker.run(['network', 'create', '--driver', 'overlay', ...mtu, NETWORK]);
  for (const node of plan.nodes) await docker.run(['service', 'create', ...serviceArguments(plan, node, image)]);
  return made;
}

function serviceArguments(plan: Plan, node: PlanNode, image: string): string[] {
  const endpoints = plan.nodes.flatMap(({ name, drives }) =>
    drives.map((drive) => `http://${name}:${NODE_PORT}/data/${drive.name}`),
  );
  const mounts = node.drives.map(({ name }) => `type=bind,source=${DISKS_PATH}/${name},target=/data/${name}`);
  const secret = (name: string) => `source=${name},target=${name},uid=${IMAGE_USER},gid=${IMAGE_USER},mode=0400`;
  return [
    ...['--name', node.name, '--hostname', node.name, '--detach'],
    ...['--constraint', `node.labels.zone==${node.zone}`],
    ...['--network', NETWORK, '--endpoint-mode', 'dnsrr'],
    ...['--publish', `mode=host,target=${NODE_PORT},published=${NODE_PORT}`],
    ...['--read-only', '--cap-drop', 'ALL', '--stop-grace-period', '30s'],
    ...mounts.flatMap((mount) => ['--mount', mount]),
    ...['cluster-secret', 'root-user', 'root-password'].flatMap((name) => ['--secret', secret(name)]),
    ...['--env', 'ASHLAR_CLUSTER_SECRET_FILE=/run/secrets/cluster-secret'],
    ...['--env', 'ASHLAR_ROOT_USER_FILE=/run/secrets/root-user'],
    ...['--env', 'ASHLAR_ROOT_PASSWORD_FILE=/run/secrets/root-password'],
    image,
    ...['server', '--name', node.name, '--zone', node.zone, '--scheme', `${plan.scheme.k}+${plan.scheme.m}`],
    ...endpoints,
  ];
}
