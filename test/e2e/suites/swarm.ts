// A cluster on a real Swarm of four hosts, one to a zone, deployed as a user would: `ashlar swarm …` and `cdktf deploy`, with real
// Terraform and the real provider. Clients write and read through the balancers while images change, hosts lose their power and
// come back, and a bad image is deployed. What is destroyed and deployed again has its objects. Prints how long each step took.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusReport } from '../../../node/admin/status.ts';
import { Docker } from '../../../stacks/docker.ts';
import { buildImage, DEBIAN_BASE, pushImage } from '../../../stacks/image/build-image.ts';
import { adminToken } from '../../../stacks/local/node-client.ts';
import { packageRoot } from '../../../stacks/local/program-files.ts';
import type { SwarmLayout } from '../../../stacks/testbed/swarm/layout.ts';
import { clientCommand, killHost, reviveHost, swarmStatus } from '../../../stacks/testbed/swarm/testbed.ts';
import { derivedImage, haproxyImage } from '../images.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { Deployment } from '../swarm/deployment.ts';
import { checkLoneContainer } from '../swarm/lone-container.ts';
import { onSwarm, SWARM_PACKAGES, swarmObstacle } from '../swarm/on-swarm.ts';
import { publishTo } from '../swarm/publish.ts';
import { prepareTerraform, terraformObstacle } from '../swarm/terraform.ts';
import { timed, until } from '../testbed.ts';
import { ObjectClientProcess } from '../traffic/object-client-process.ts';

const CLUSTER = 'swarm';
const SPEC = 'name: swarm\nerasure: 4+2\nsurvive: zone\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n';
/** A worker, and one of the managers: the next one takes over, whichever led. */
const VICTIMS = ['h4', 'h2'] as const;
/** Only the record, its own segment, one stripe, several. */
const SIZES_BYTES = [500, 8_000, 20_000, 300_000, 2_500_000];
const READY_TIMEOUT_MS = 240_000;
const DOWN_TIMEOUT_MS = 90_000;
const HEALTHY_TIMEOUT_MS = 240_000;
const WORK_WITHOUT_HOST_MS = 10_000;
const NODE_PORT = 9000;
const BALANCER_PORT = 8080;
/** What SDKs try by themselves in their standard modes. */
const ATTEMPTS_MAX = 3;

export const swarm: Suite = {
  name: 'swarm',
  summary: 'cdktf deploy to a Swarm of four hosts: updates, lost hosts, a bad image and a destroy, under traffic',
  packages: [...SWARM_PACKAGES, { name: 'haproxy', program: 'haproxy' }],
  obstacle: async () => (await swarmObstacle()) ?? (await terraformObstacle()),
  prepare: async () => {
    await prepareTerraform();
  },
  run: (context) => onSwarm(context, (layout) => new SwarmRun(context, layout).run()),
};

class SwarmRun {
  readonly #context: SuiteContext;
  readonly #layout: SwarmLayout;
  readonly #nodes: readonly string[];

  constructor(context: SuiteContext, layout: SwarmLayout) {
    this.#context = context;
    this.#layout = layout;
    this.#nodes = layout.hosts.map(({ address }) => `http://${address}:${NODE_PORT}`);
  }

  async run(): Promise<void> {
    const environment = await this.#timed('Terraform and its provider', prepareTerraform);
    const images = await this.#images();
    await this.#timed('one container of it: closed down, refused a directory, stopped in order', () =>
      checkLoneContainer(this.#docker(), images.first, join(this.#layout.hosts[0]!.directory, 'lone')),
    );
    const deployment = new Deployment({
      repository: packageRoot(),
      directory: join(this.#context.directory, 'project'),
      testbed: this.#layout.name,
      spec: SPEC,
      managers: this.#layout.hosts.filter(({ isManager }) => isManager).map(({ dockerHost }) => dockerHost),
      environment,
    });
    const settle = (image: string) =>
      deployment.settle({
        image,
        mountPoints: 'optional',
        balancer: { image: images.haproxy, port: BALANCER_PORT },
      });
    settle(images.first);
    await deployment.ashlar('swarm', 'label');
    await deployment.ashlar('swarm', 'secrets');
    await this.#timed('ashlar swarm check', () => deployment.ashlar('swarm', 'check'));
    if (!(await this.#timed('cdktf diff, cold', () => deployment.differs(CLUSTER))))
      throw new Error('nothing is deployed, and cdktf diff says there is nothing to do');
    await this.#timed('cdktf deploy of four zones and their balancers', () => deployment.deploy(CLUSTER));
    const { clusterSecret, credentials } = deployment.secrets(CLUSTER);
    const client = new ObjectClientProcess(clientCommand(this.#layout.name), {
      endpoints: this.#layout.hosts.map(({ address }) => `http://${address}:${BALANCER_PORT}`),
      credentials,
      region: 'us-east-1',
      bucket: 'swarm',
      sizesBytes: SIZES_BYTES,
    });
    try {
      await this.#story({ deployment, client, token: adminToken(clusterSecret), images, settle });
    } finally {
      client.close();
    }
  }

  async #story({ deployment, client, token, images, settle }: Story): Promise<void> {
    await this.#timed('all nodes ready', () => this.#untilReady(client, this.#nodes));
    await this.#mustNotDiffer(deployment, 'the deploy');
    await client.ask({ kind: 'make-bucket' });
    const written = await this.#timed('objects written', () =>
      client.ask({ kind: 'write', count: this.#context.ci ? 30 : 100 }),
    );
    const read = await this.#timed('objects read', () => client.ask({ kind: 'read-all' }));
    this.#context.say(`  ${written.done} objects written and ${read.done} read, each byte right`);
    settle(images.second);
    await this.#underTraffic(client, 'rolling update of the image', () =>
      this.#timed('cdktf deploy of another image', () => deployment.deploy(CLUSTER)),
    );
    await this.#mustRun(images.second, this.#layout.hosts.length);
    await this.#mustNotDiffer(deployment, 'the update');
    for (const victim of this.#context.ci ? VICTIMS.slice(0, 1) : VICTIMS) await this.#losePower(client, victim, token);
    await this.#badImage({ deployment, client, token, images, settle });
    await this.#timed('cdktf destroy', () => deployment.destroy(CLUSTER));
    await this.#mustRun('', 0);
    if (this.#context.ci) return;
    await this.#timed('deployed again on the same disks, by terraform apply without cdktf', () =>
      deployment.applyPlainly(CLUSTER),
    );
    await this.#timed('all nodes ready', () => this.#untilReady(client, this.#nodes));
    const again = await client.ask({ kind: 'read-all' });
    this.#context.say(`  all ${again.done} objects were kept`);
    await this.#timed('cdktf destroy', () => deployment.destroy(CLUSTER));
  }

  /** By digest, in the registry of the testbed. */
  async #images(): Promise<Images> {
    const docker = this.#docker();
    const tag = 'ashlar:e2e';
    const props = { docker, repository: packageRoot(), tag, signingKey: null, onStep: () => {} };
    const built = await this.#timed('image built, cold, with its base', () =>
      buildImage({ ...props, base: DEBIAN_BASE }),
    );
    this.#context.say(`  ${tag}: ${(built.sizeBytes / 1e6).toFixed(0)} MB`);
    if (!this.#context.ci) {
      const again = await this.#timed('image built again, on the same base', () =>
        buildImage({ ...props, base: built.base }),
      );
      if (again.id !== built.id) throw new Error('the same sources gave another image');
    }
    const { registry } = this.#layout;
    const directory = join(this.#context.directory, 'images');
    mkdirSync(directory);
    const place = { docker, directory, publish: publishTo(docker, registry) };
    return this.#timed('images pushed', async () => ({
      first: await pushImage(docker, tag, `${registry}/${tag}`),
      second: await derivedImage(place, tag, 'second', 'LABEL ashlar.e2e=second'),
      bad: await derivedImage(place, tag, 'bad', 'ENTRYPOINT ["/usr/local/bin/node", "--eval", "process.exit(1)"]'),
      haproxy: await haproxyImage(place),
    }));
  }

  async #losePower(client: ObjectClientProcess, victim: string, token: string): Promise<void> {
    const { name, hosts } = this.#layout;
    const revived = this.#nodes[hosts.findIndex((host) => host.name === victim)]!;
    await this.#underTraffic(client, `${victim} off and on again`, async () => {
      await delay(WORK_WITHOUT_HOST_MS / 5);
      await killHost(name, victim);
      await this.#timed(`${victim} off: seen by the Swarm`, () =>
        until(DOWN_TIMEOUT_MS, `${victim} is not seen to be down`, async () => {
          const status = await swarmStatus(name);
          return status.hosts.some(({ host, state }) => host.name === victim && state !== null && state !== 'ready');
        }),
      );
      await delay(WORK_WITHOUT_HOST_MS);
      await this.#timed(`${victim} on again: its engine answers`, () => reviveHost(name, victim));
      await this.#timed(`${victim} on again: its node is ready`, () => this.#untilReady(client, [revived]));
      await this.#timed(`${victim} on again: cluster healthy`, () => untilHealthy(client, revived, token));
    });
  }

  /** It must stop in the first zone, harm nobody, and be mended by the next deploy of a good one. */
  async #badImage({ deployment, client, token, images, settle }: Story): Promise<void> {
    settle(images.bad);
    await this.#underTraffic(client, 'a bad image', async () => {
      const failed = await this.#timed('cdktf deploy of an image that does not start', () =>
        deployment.deploy(CLUSTER, false),
      );
      if (failed.exitCode === 0) throw new Error('the deploy of an image that does not start succeeded');
      await this.#mustRun(images.second, this.#layout.hosts.length);
      const [why] = /service rollback completed|rollback/.exec(`${failed.stdout}${failed.stderr}`) ?? [];
      if (why === undefined) throw new Error(`the failed deploy does not say why:\n${failed.stdout}${failed.stderr}`);
    });
    settle(images.first);
    await this.#underTraffic(client, 'the good image after it', () =>
      this.#timed('cdktf deploy of a good image after the bad one', () => deployment.deploy(CLUSTER)),
    );
    await this.#mustRun(images.first, this.#layout.hosts.length);
    await this.#mustNotDiffer(deployment, 'the deploy after the bad image');
    await this.#timed('cluster healthy', () => untilHealthy(client, this.#nodes[0]!, token));
  }

  /** Clients write and read through the balancers meanwhile: none may fail, and no two zones may be down at once. */
  async #underTraffic(client: ObjectClientProcess, what: string, happens: () => Promise<unknown>): Promise<void> {
    await client.ask({ kind: 'begin-work', nodes: this.#nodes });
    await happens();
    const work = await client.ask({ kind: 'end-work' });
    const all = await client.ask({ kind: 'read-all' });
    this.#context.say(
      `  ${what}: ${work.done} puts and gets through the balancers, ${work.retries} tried again (one at most ` +
        `${work.attemptsMax} times), slowest ${(work.slowestMs! / 1000).toFixed(1)} s, none failed; ` +
        `at most ${work.unreadyMax} node not ready at once; all ${all.done} objects read`,
    );
    if (work.unreadyMax! > 1) throw new Error(`${work.unreadyMax} zones were not ready at the same time`);
    if (work.attemptsMax! > ATTEMPTS_MAX) throw new Error(`a request was tried ${work.attemptsMax} times`);
  }

  async #mustNotDiffer(deployment: Deployment, after: string): Promise<void> {
    if (await this.#timed(`cdktf diff after ${after}`, () => deployment.differs(CLUSTER)))
      throw new Error(`right after ${after} there is a difference`);
  }

  /** So many storage services, every one with this image. */
  async #mustRun(image: string, count: number): Promise<void> {
    const docker = new Docker((await swarmStatus(this.#layout.name)).dockerHost);
    const format = '{{.Spec.Name}} {{.Spec.TaskTemplate.ContainerSpec.Image}}';
    const names = (await docker.run(['service', 'ls', '--quiet'])).split('\n').filter(Boolean);
    const services = names.length === 0 ? '' : await docker.run(['service', 'inspect', '--format', format, ...names]);
    const storage = services.split('\n').filter((line) => line !== '' && !line.includes('-balancer-'));
    const others = storage.filter((line) => !line.endsWith(` ${image}`));
    if (storage.length !== count || others.length > 0)
      throw new Error(`${count} services of ${image || 'none'} were to run; there are:\n${storage.join('\n')}`);
  }

  #untilReady(client: ObjectClientProcess, endpoints: readonly string[]): Promise<void> {
    return until(READY_TIMEOUT_MS, `not all of ${endpoints.join(', ')} are ready`, async () => {
      for (const endpoint of endpoints) {
        const { status } = await client.ask({ kind: 'fetch', url: `${endpoint}/_ashlar/health/ready`, token: null });
        if (status !== 200) return false;
      }
      return true;
    });
  }

  #docker(): Docker {
    return new Docker(this.#layout.hosts[0]!.dockerHost);
  }

  #timed<T>(what: string, run: () => Promise<T>): Promise<T> {
    return timed(this.#context, what, run);
  }
}

interface Images {
  readonly first: string;
  readonly second: string;
  /** Its process ends at once. */
  readonly bad: string;
  readonly haproxy: string;
}

interface Story {
  readonly deployment: Deployment;
  readonly client: ObjectClientProcess;
  /** Of the admin interface. */
  readonly token: string;
  readonly images: Images;
  /** Writes the settings with that image; the next deploy takes it. */
  readonly settle: (image: string) => void;
}

function untilHealthy(client: ObjectClientProcess, endpoint: string, token: string): Promise<void> {
  return until(HEALTHY_TIMEOUT_MS, 'the cluster does not get healthy', async () => {
    const { status, text } = await client.ask({ kind: 'fetch', url: `${endpoint}/_ashlar/status`, token });
    return status === 200 && (JSON.parse(text!) as StatusReport).health === 'healthy';
  });
}
