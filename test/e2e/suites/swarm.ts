// A cluster on a real Swarm of four hosts, one to a zone: brought up from nothing, written to and read from while a host loses its
// power and comes back, and taken down without a trace. Prints how long each step took.
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusReport } from '../../../node/admin/status.ts';
import { makePlan } from '../../../plan/make-plan.ts';
import type { Plan } from '../../../plan/plan.ts';
import { parseClusterSpec } from '../../../spec/parse.ts';
import { Docker } from '../../../stacks/docker.ts';
import { buildImage, DEBIAN_BASE, pushImage } from '../../../stacks/image/build-image.ts';
import { adminToken } from '../../../stacks/local/node-client.ts';
import { packageRoot } from '../../../stacks/local/program-files.ts';
import { TESTBEDS_DIRECTORY, type TestbedLayout } from '../../../stacks/testbed/layout.ts';
import { requireMachine } from '../../../stacks/testbed/preconditions.ts';
import {
  bringUpTestbed,
  killHost,
  reviveHost,
  takeDownTestbed,
  testbedNames,
  testbedStatus,
} from '../../../stacks/testbed/testbed.ts';
import { run } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { createServices, NODE_PORT } from '../swarm/hand-made-services.ts';
import { checkLoneContainer } from '../swarm/lone-container.ts';
import { ObjectClientProcess } from '../swarm/object-client-process.ts';

const SPEC = 'name: swarm\nerasure: 4+2\nsurvive: zone\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n';
const NAME_START = 'e2e-';
const SHAPE = { hostCount: 4, zoneCount: 4 };
/** A worker, and one of the managers: the next one takes over, whichever led. */
const VICTIMS = ['h4', 'h2'] as const;
/** Only the record, its own segment, one stripe, several. */
const SIZES_BYTES = [500, 8_000, 20_000, 300_000, 2_500_000];
const READY_TIMEOUT_MS = 240_000;
const DOWN_TIMEOUT_MS = 90_000;
const HEALTHY_TIMEOUT_MS = 240_000;
const WORK_WITHOUT_HOST_MS = 10_000;
const POLL_MS = 250;

export const swarm: Suite = {
  name: 'swarm',
  summary: 'a cluster on a Swarm of four hosts; hosts lose their power and come back under traffic',
  notInCi: 'its services are still made by hand and not yet by the stack; name it to run it',
  packages: [
    { name: 'docker.io', program: 'dockerd' },
    { name: 'docker-registry', program: 'docker-registry' },
    { name: 'iptables', program: 'iptables' },
  ],
  obstacle: () =>
    requireMachine().then(
      () => null,
      (error: Error) => error.message,
    ),
  run: async (context) => {
    await removeLeftovers();
    const name = `${NAME_START}${process.pid}`;
    try {
      const { layout } = await timed(context, 'testbed of four hosts up', () =>
        bringUpTestbed({ name, ...SHAPE }, () => {}),
      );
      await new SwarmRun(context, layout).run();
    } catch (error) {
      await keepLogs(context, name).catch(() => {});
      throw error;
    } finally {
      if (existsSync(join(TESTBEDS_DIRECTORY, name))) {
        await timed(context, 'testbed down', () => takeDownTestbed(name));
      }
    }
    await expectNoTrace(name);
  },
};

/** What runs left that were cut off: the process that a testbed is named after is gone. */
async function removeLeftovers(): Promise<void> {
  for (const name of testbedNames()) {
    if (name.startsWith(NAME_START) && !existsSync(`/proc/${name.slice(NAME_START.length)}`))
      await takeDownTestbed(name);
  }
}

class SwarmRun {
  readonly #context: SuiteContext;
  readonly #layout: TestbedLayout;
  readonly #plan: Plan;

  constructor(context: SuiteContext, layout: TestbedLayout) {
    this.#context = context;
    this.#layout = layout;
    const parsed = parseClusterSpec(SPEC, 'the suite');
    if (!parsed.ok) throw new Error(parsed.problems.map(({ message }) => message).join('; '));
    this.#plan = makePlan(parsed.spec);
  }

  async run(): Promise<void> {
    const image = await this.#image();
    await this.#timed('one container of it: closed down, refused a directory, stopped in order', () =>
      checkLoneContainer(this.#docker(), image, join(this.#layout.hosts[0]!.directory, 'lone')),
    );
    const { clusterSecret, credentials } = await this.#timed('services created', () =>
      createServices(this.#docker(), this.#plan, image),
    );
    const { region } = this.#plan;
    const endpoints = this.#layout.hosts.map(({ address }) => `http://${address}:${NODE_PORT}`);
    const order = { endpoints, credentials, region, bucket: 'swarm', sizesBytes: SIZES_BYTES };
    const client = new ObjectClientProcess(this.#layout.name, order);
    try {
      await this.#timed('all nodes ready', () => this.#untilReady(client, endpoints));
      await client.ask({ kind: 'make-bucket' });
      const written = await this.#timed('objects written', () =>
        client.ask({ kind: 'write', count: this.#context.ci ? 30 : 100 }),
      );
      const read = await this.#timed('objects read', () => client.ask({ kind: 'read-all' }));
      this.#context.say(`  ${written.done} objects written and ${read.done} read, each byte right`);
      const token = adminToken(clusterSecret);
      for (const victim of this.#context.ci ? VICTIMS.slice(0, 1) : VICTIMS) {
        await this.#losePower(client, victim, endpoints, token);
      }
    } finally {
      client.close();
    }
  }

  /** Resolves with the image by digest, in the registry of the testbed. */
  async #image(): Promise<string> {
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
    return this.#timed('image pushed', () => pushImage(docker, tag, `${this.#layout.registry}/${tag}`));
  }

  async #losePower(
    client: ObjectClientProcess,
    victim: string,
    endpoints: readonly string[],
    token: string,
  ): Promise<void> {
    const { name, hosts } = this.#layout;
    await client.ask({ kind: 'begin-work' });
    await delay(WORK_WITHOUT_HOST_MS / 5);
    await killHost(name, victim);
    await this.#timed(`${victim} off: seen by the Swarm`, () =>
      until(DOWN_TIMEOUT_MS, `${victim} is not seen to be down`, async () => {
        const status = await testbedStatus(name);
        return status.hosts.some(({ host, state }) => host.name === victim && state !== null && state !== 'ready');
      }),
    );
    await delay(WORK_WITHOUT_HOST_MS);
    await this.#timed(`${victim} on again: its engine answers`, () => reviveHost(name, victim));
    const revived = endpoints[hosts.findIndex((host) => host.name === victim)]!;
    await this.#timed(`${victim} on again: its node is ready`, () => this.#untilReady(client, [revived]));
    await this.#timed(`${victim} on again: cluster healthy`, () => untilHealthy(client, revived, token));
    const work = await client.ask({ kind: 'end-work' });
    const all = await client.ask({ kind: 'read-all' });
    this.#context.say(
      `  ${work.done} puts and gets meanwhile, ${work.retries} retries, slowest ${(work.slowestMs! / 1000).toFixed(1)} s, none failed; all ${all.done} objects read`,
    );
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

function untilHealthy(client: ObjectClientProcess, endpoint: string, token: string): Promise<void> {
  return until(HEALTHY_TIMEOUT_MS, 'the cluster does not get healthy', async () => {
    const { status, text } = await client.ask({ kind: 'fetch', url: `${endpoint}/_ashlar/status`, token });
    return status === 200 && (JSON.parse(text!) as StatusReport).health === 'healthy';
  });
}

async function until(timeoutMs: number, otherwise: string, isSo: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + timeoutMs;
  while (!(await isSo())) {
    if (performance.now() > endMs) throw new Error(`${otherwise} after ${timeoutMs / 1000} s`);
    await delay(POLL_MS);
  }
}

async function timed<T>({ say }: SuiteContext, what: string, run: () => Promise<T>): Promise<T> {
  const startedMs = performance.now();
  const result = await run();
  say(`${what}: ${((performance.now() - startedMs) / 1000).toFixed(1)} s`);
  return result;
}

/** What the containers of all hosts that are on have said. */
async function keepLogs({ directory }: SuiteContext, name: string): Promise<void> {
  const { hosts } = await testbedStatus(name);
  for (const { host } of hosts.filter(({ isOn }) => isOn)) {
    const docker = new Docker(host.dockerHost);
    const containers = (await docker.run(['ps', '--all', '--format', '{{.Names}}'])).split('\n').filter(Boolean);
    for (const container of containers) {
      const { stdout, stderr } = await docker.try(['logs', container]);
      writeFileSync(join(directory, `${host.name}-${container}.log`), stdout + stderr);
    }
    writeFileSync(join(directory, `${host.name}-tasks.txt`), (await docker.try(['ps', '--all', '--no-trunc'])).stdout);
  }
}

async function expectNoTrace(name: string): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list']);
  const left = stdout.split('\n').filter((line) => line.includes(`-${name}-`));
  if (existsSync(join(TESTBEDS_DIRECTORY, name))) left.push(join(TESTBEDS_DIRECTORY, name));
  const cgroups = await run('find', ['/sys/fs/cgroup', '-type', 'd', '-path', `*/ashlar-testbed/${name}*`]);
  left.push(...cgroups.stdout.split('\n').filter(Boolean));
  if (left.length > 0) throw new Error(`the testbed left behind: ${left.join(', ')}`);
}
