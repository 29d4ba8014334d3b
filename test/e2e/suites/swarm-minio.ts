// The same spec with `engine: minio`: MinIO itself on a Swarm of four hosts, from the volume arguments that the plan has proved. One host
// is lost, as the plan says it may be, and comes back.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Docker } from '../../../stacks/docker.ts';
import { packageRoot } from '../../../stacks/local/program-files.ts';
import type { SwarmLayout } from '../../../stacks/testbed/swarm/layout.ts';
import { clientCommand, killHost, reviveHost } from '../../../stacks/testbed/swarm/testbed.ts';
import { MINIO } from '../go-programs.ts';
import { minioImage } from '../images.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { Deployment } from '../swarm/deployment.ts';
import { onSwarm, SWARM_PACKAGES, swarmObstacle } from '../swarm/on-swarm.ts';
import { publishTo } from '../swarm/publish.ts';
import { prepareTerraform, terraformObstacle } from '../swarm/terraform.ts';
import { timed, until } from '../testbed.ts';
import { ObjectClientProcess } from '../traffic/object-client-process.ts';

const CLUSTER = 'others';
const SPEC = `name: ${CLUSTER}\nengine: minio\nerasure: 5+3\nsurvive: zone\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n`;
const PORT = 9000;
const VICTIM = 'h4';
const SIZES_BYTES = [500, 300_000, 2_500_000];
const OBJECTS = 60;
const READY_TIMEOUT_MS = 180_000;

export const swarmMinio: Suite = {
  name: 'swarm-minio',
  summary: 'engine: minio on a Swarm of four hosts, and one of them lost',
  notInCi: 'MinIO is built from its source first, which takes two cores about six minutes; name it to run it',
  packages: SWARM_PACKAGES,
  obstacle: async () => (await swarmObstacle()) ?? (await terraformObstacle()) ?? (await MINIO.obstacle()),
  prepare: async () => {
    await Promise.all([prepareTerraform(), MINIO.prepare()]);
  },
  run: (context) => onSwarm(context, (layout) => story(context, layout)),
};

async function story(context: SuiteContext, layout: SwarmLayout): Promise<void> {
  const program = await timed(context, 'MinIO built', () => MINIO.prepare());
  const directory = join(context.directory, 'image');
  mkdirSync(directory);
  const docker = new Docker(layout.hosts[0]!.dockerHost);
  const image = await minioImage({ docker, directory, publish: publishTo(docker, layout.registry) }, program);
  const deployment = new Deployment({
    repository: packageRoot(),
    directory: join(context.directory, 'project'),
    testbed: layout.name,
    spec: SPEC,
    managers: layout.hosts.filter(({ isManager }) => isManager).map(({ dockerHost }) => dockerHost),
    environment: await prepareTerraform(),
  });
  // It refuses directories on the root disk, unless told that this is a test.
  deployment.settle({ image, mountPoints: 'optional', environment: { MINIO_CI_CD: '1' } });
  for (const step of ['label', 'secrets', 'check']) await deployment.ashlar('swarm', step);
  await deployment.differs(CLUSTER);
  await timed(context, 'cdktf deploy of four zones', () => deployment.deploy(CLUSTER));
  const nodes = layout.hosts.map(({ address }) => `http://${address}:${PORT}`);
  const survivors = nodes.filter((_, at) => layout.hosts[at]!.name !== VICTIM);
  const { credentials } = deployment.secrets(CLUSTER);
  const order = { endpoints: survivors, credentials, region: 'us-east-1', bucket: 'others', sizesBytes: SIZES_BYTES };
  const client = new ObjectClientProcess(clientCommand(layout.name), order);
  const untilHealthy = (endpoint: string) =>
    until(READY_TIMEOUT_MS, `${endpoint} is not healthy`, async () => {
      const { status } = await client.ask({ kind: 'fetch', url: `${endpoint}/minio/health/cluster`, token: null });
      return status === 200;
    });
  try {
    await timed(context, 'MinIO is healthy', () => untilHealthy(nodes[0]!));
    if (await deployment.differs(CLUSTER)) throw new Error('right after the deploy there is a difference');
    await client.ask({ kind: 'make-bucket' });
    await client.ask({ kind: 'write', count: OBJECTS });
    await killHost(layout.name, VICTIM);
    await client.ask({ kind: 'write', count: OBJECTS });
    const read = await timed(context, `objects written before and after the loss of ${VICTIM} read`, () =>
      client.ask({ kind: 'read-all' }),
    );
    context.say(`  ${read.done} objects, each byte right`);
    await reviveHost(layout.name, VICTIM);
    await timed(context, `${VICTIM} is back: its node is healthy`, () => untilHealthy(nodes.at(-1)!));
  } finally {
    client.close();
  }
  await timed(context, 'cdktf destroy', () => deployment.destroy(CLUSTER));
}
