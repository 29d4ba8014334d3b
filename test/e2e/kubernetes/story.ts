// The life of a cluster on a Kubernetes of four hosts, as a user leads it, with clients that write and read all the time: deployed,
// updated, drained, hit by the loss of a host, given a bad image, destroyed and deployed again. Prints how long each step took.
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusReport } from '../../../node/admin/status.ts';
import type { KubernetesSettingsInput } from '../../../stacks/kubernetes/settings.ts';
import type { KubernetesLayout } from '../../../stacks/testbed/kubernetes/layout.ts';
import {
  killKubernetesHost,
  kubernetesClientCommand,
  kubernetesStatus,
  reviveKubernetesHost,
} from '../../../stacks/testbed/kubernetes/testbed.ts';
import type { SuiteContext } from '../suite.ts';
import { timed, until } from '../testbed.ts';
import { ObjectClientProcess } from '../traffic/object-client-process.ts';
import { ClusterView } from './cluster-view.ts';
import { NAMESPACE } from './on-kubernetes.ts';
import type { KubernetesProject } from './project.ts';
import type { PulumiCommands } from './pulumi.ts';

export interface StoryProps {
  readonly context: SuiteContext;
  readonly layout: KubernetesLayout;
  readonly project: KubernetesProject;
  readonly pulumi: PulumiCommands;
  readonly images: StoryImages;
}

/** By digest. */
export interface StoryImages {
  readonly first: string;
  readonly second: string;
  /** Its process ends at once. */
  readonly bad: string;
}

export const CLUSTER = 'kube';
export const SPEC = `name: ${CLUSTER}\nerasure: 4+2\nsurvive: zone\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n`;
const PODS = ['kube-a-0', 'kube-b-0', 'kube-c-0', 'kube-d-0'];
const NODE_PORT = 30_900;
/** Only the record, its own segment, one stripe, several. */
const SIZES_BYTES = [500, 8_000, 20_000, 300_000, 2_500_000];
/** What is looked for is requests that fail, not how many there can be: the hosts share two cores with the clients. */
const PAUSE_MS = 50;
const READY_TIMEOUT_MS = 240_000;
const LOST_TIMEOUT_MS = 120_000;
const WORK_WITHOUT_HOST_MS = 8_000;
/** What SDKs try by themselves in their standard modes. */
const ATTEMPTS_MAX = 3;
/** Until Kubernetes takes a dead host's pod out of the service, every fourth new connection through it leads nowhere. */
const ATTEMPTS_WITH_HOST_LOST_MAX = 10;

export class Story {
  readonly #props: StoryProps;
  readonly #view: ClusterView;
  readonly #client: ObjectClientProcess;
  readonly #endpoints: readonly string[];

  private constructor(props: StoryProps) {
    const { layout, project } = props;
    this.#props = props;
    this.#view = new ClusterView(layout.kubeconfig, NAMESPACE);
    this.#endpoints = layout.hosts.map(({ address }) => `http://${address}:${NODE_PORT}`);
    this.#client = new ObjectClientProcess(kubernetesClientCommand(layout.name), {
      endpoints: this.#endpoints,
      credentials: project.credentials(),
      region: 'us-east-1',
      bucket: 'kubernetes',
      sizesBytes: SIZES_BYTES,
      pauseMs: PAUSE_MS,
    });
  }

  /** The namespace is there, and nothing in it. */
  static async run(props: StoryProps): Promise<void> {
    settle(props.project, props.images.first);
    await props.project.ashlar(['kubernetes', 'secrets']);
    const story = new Story(props);
    try {
      await story.#run();
    } finally {
      story.#client.close();
    }
  }

  async #run(): Promise<void> {
    const { context, project, images, pulumi } = this.#props;
    context.say(`deployed by ${pulumi.title}`);
    await this.#timed('ashlar kubernetes check', () => project.ashlar(['kubernetes', 'check']));
    if ((await this.#timed('preview, nothing deployed', () => pulumi.changes())) === '')
      throw new Error('nothing is deployed, and the preview says there is nothing to do');
    await this.#up('up of four zones, all nodes ready');
    await this.#mustBe(images.first);
    await this.#mustNotDiffer('the first up');
    await this.#growVolumes();
    await this.#client.ask({ kind: 'make-bucket' });
    const written = await this.#client.ask({ kind: 'write', count: context.ci ? 30 : 100 });
    context.say(`  ${written.done} objects written`);
    await this.#underTraffic('rolling update of the image', ATTEMPTS_MAX, async () => {
      settle(project, images.second);
      await this.#up('up with another image');
    });
    await this.#mustBe(images.second);
    await this.#mustNotDiffer('the update');
    await this.#drain();
    await this.#loseHost();
    await this.#badImage();
    await this.#destroy();
  }

  /** Another size in what makes the claims would mean another StatefulSet, and all pods of its zone gone with the old one. */
  async #growVolumes(): Promise<void> {
    const { context, project, images, pulumi } = this.#props;
    const uids = async () => (await this.#view.pods()).map(({ uid }) => uid).join();
    const before = await uids();
    settle(project, images.first, '200GiB');
    const { isDone, said } = await this.#timed('up with larger volumes and nothing else said', () => pulumi.up());
    if (isDone || !said.includes('volumes.grownFrom')) throw new Error(`it was not refused with what to do:\n${said}`);
    if ((await uids()) !== before) throw new Error('pods were replaced by an up that was refused');
    context.say('  refused, and nothing was touched');
    settle(project, images.first, '200GiB', '100GiB');
    await this.#timed('ashlar kubernetes grow', () => project.ashlar(['kubernetes', 'grow']));
    const sizes = await this.#view.kubectl([
      'get',
      'pvc',
      '-o',
      'jsonpath={.items[*].spec.resources.requests.storage}',
    ]);
    if (new Set(sizes.stdout.split(' ')).size !== 1 || !sizes.stdout.startsWith('200Gi'))
      throw new Error(`claims of 200Gi were wanted; they ask for ${sizes.stdout}`);
    await this.#up('up with what the volumes were grown from');
    if ((await uids()) !== before) throw new Error('pods were replaced where volumes were to grow in place');
    await this.#mustNotDiffer('volumes were grown');
  }

  /** With all there one may be drained, and while it is away no other. */
  async #drain(): Promise<void> {
    await this.#underTraffic('a host drained', ATTEMPTS_MAX, async () => {
      await this.#mustAllow(1);
      await this.#timed('kubectl drain h2', () => this.#drainHost('h2'));
      await this.#mustAllow(0);
      await this.#mustRefuseToDrain('h3', 'kube-c-0');
      await this.#view.kubectl(['uncordon', 'h2']);
      await this.#timed('h2 in use again: its pod is ready', () => this.#untilReady());
    });
  }

  /** The plan lets one zone go: while one is lost, no other may be drained. */
  async #loseHost(): Promise<void> {
    const { layout } = this.#props;
    await this.#underTraffic('h4 off and on again', ATTEMPTS_WITH_HOST_LOST_MAX, async () => {
      const before = await this.#view.pods();
      await killKubernetesHost(layout.name, 'h4');
      await this.#timed('h4 off: its node is not ready', () =>
        until(LOST_TIMEOUT_MS, 'the node of h4 is ready still', async () => {
          const { hosts } = await kubernetesStatus(layout.name);
          return hosts.some(({ host, state }) => host.name === 'h4' && state === 'not ready');
        }),
      );
      await until(
        LOST_TIMEOUT_MS,
        'the budget does not see it',
        async () => (await this.#view.disruptionsAllowed()) === 0,
      );
      await this.#mustRefuseToDrain('h1', 'kube-a-0');
      await delay(WORK_WITHOUT_HOST_MS);
      await this.#timed('h4 on again: its node is ready', () => reviveKubernetesHost(layout.name, 'h4'));
      await this.#timed('h4 on again: its pod is ready', () => this.#untilReady());
      await this.#timed('h4 on again: cluster healthy', () => this.#untilHealthy());
      const unlike = (await this.#view.pods()).filter(
        ({ name, uid }) => before.find((pod) => pod.name === name)?.uid !== uid,
      );
      if (unlike.length > 0) throw new Error(`replaced while h4 was off: ${unlike.map(({ name }) => name).join(', ')}`);
    });
  }

  /** It must stop at its first pod, harm nobody, and be mended by the next up of a good one. */
  async #badImage(): Promise<void> {
    const { context, project, images, pulumi } = this.#props;
    await this.#underTraffic('a bad image', ATTEMPTS_MAX, async () => {
      settle(project, images.bad);
      const { isDone, said } = await this.#timed('up with an image that does not start', () => pulumi.up());
      if (isDone) throw new Error('the up with an image that does not start succeeded');
      const why = /the rollout stops at pod (kube-\w-0): .*/.exec(said);
      if (why === null) throw new Error(`the failed up does not say at which pod it stopped:\n${said}`);
      context.say(`  it says: ${why[0].split('. ')[0]}`);
      const bad = (await this.#view.pods()).filter(({ image }) => image === images.bad).map(({ name }) => name);
      if (bad.join() !== why[1]) throw new Error(`pods with the bad image: ${bad.join(', ')}; it stopped at ${why[1]}`);
    });
    await this.#underTraffic('the good image after it', ATTEMPTS_MAX, async () => {
      settle(project, images.second);
      await this.#up('up with the image before the bad one');
    });
    await this.#mustBe(images.second);
    await this.#mustNotDiffer('the up after the bad image');
  }

  async #destroy(): Promise<void> {
    const { context, pulumi } = this.#props;
    const claims = await this.#view.claims();
    await this.#timed('destroy', () => pulumi.destroy());
    await until(READY_TIMEOUT_MS, 'pods run after the destroy', async () => (await this.#view.pods()).length === 0);
    const kept = await this.#view.claims();
    if (kept.join() !== claims.join() || claims.length !== PODS.length * 2)
      throw new Error(`claims before the destroy: ${claims.join(', ')}; after it: ${kept.join(', ')}`);
    await this.#up('up again on the volumes that were kept');
    const { done } = await this.#client.ask({ kind: 'read-all' });
    context.say(`  ${claims.length} claims and all ${done} objects were kept`);
    await this.#timed('destroy', () => pulumi.destroy());
  }

  async #up(what: string): Promise<void> {
    const { isDone, said } = await this.#timed(what, () => this.#props.pulumi.up());
    if (!isDone) throw new Error(`${what} failed:\n${said}`);
    await this.#untilReady();
  }

  /** Clients write and read meanwhile: none may fail, and never may more pods be away than the plan allows. */
  async #underTraffic(what: string, attemptsMax: number, happens: () => Promise<void>): Promise<void> {
    const stop = new AbortController();
    await this.#client.ask({ kind: 'begin-work', nodes: [] });
    const watch = this.#view.watchUnready(PODS.length, stop.signal);
    // What goes wrong with it is told when it is awaited.
    watch.catch(() => {});
    try {
      await happens();
    } finally {
      stop.abort();
    }
    const unreadyMax = await watch;
    const work = await this.#client.ask({ kind: 'end-work' });
    const all = await this.#client.ask({ kind: 'read-all' });
    this.#props.context.say(
      `  ${what}: ${work.done} puts and gets, ${work.retries} tried again (one at most ${work.attemptsMax} times), ` +
        `slowest ${(work.slowestMs! / 1000).toFixed(1)} s, none failed; at most ${unreadyMax} pod not ready at once; ` +
        `all ${all.done} objects read`,
    );
    if (unreadyMax > 1) throw new Error(`${unreadyMax} pods were not ready at the same time`);
    if (work.attemptsMax! > attemptsMax) throw new Error(`a request was tried ${work.attemptsMax} times`);
  }

  async #mustAllow(count: number): Promise<void> {
    await until(READY_TIMEOUT_MS, `the disruption budget does not allow ${count}`, async () => {
      return (await this.#view.disruptionsAllowed()) === count;
    });
  }

  async #drainHost(host: string, seconds = 120, mustSucceed = true) {
    return this.#view.kubectl(['drain', host, '--ignore-daemonsets', `--timeout=${seconds}s`], mustSucceed);
  }

  async #mustRefuseToDrain(host: string, pod: string): Promise<void> {
    const { exitCode, stderr } = await this.#drainHost(host, 8, false);
    await this.#view.kubectl(['uncordon', host]);
    if (exitCode === 0) throw new Error(`${host} could be drained`);
    if (!stderr.includes("would violate the pod's disruption budget"))
      throw new Error(`${host} could not be drained, but not because of the budget:\n${stderr}`);
    const isReady = (await this.#view.pods()).some(({ name, isReady: ready }) => name === pod && ready);
    if (!isReady) throw new Error(`${pod} is not ready after its eviction was refused`);
    this.#props.context.say(`  kubectl drain ${host}: held back by the disruption budget`);
  }

  async #mustNotDiffer(after: string): Promise<void> {
    const changes = await this.#timed(`preview after ${after}`, () => this.#props.pulumi.changes());
    if (changes !== '') throw new Error(`right after ${after} there is a difference:\n${changes}`);
  }

  /** Every pod, on the host of its zone, with this image. */
  async #mustBe(image: string): Promise<void> {
    const pods = await this.#view.pods();
    const found = pods.map((pod) => `${pod.name} on ${pod.host}: ${pod.image}`).sort();
    const wanted = PODS.map((name, index) => `${name} on h${index + 1}: ${image}`);
    if (found.join() !== wanted.join()) throw new Error(`pods are\n${found.join('\n')}\nand not\n${wanted.join('\n')}`);
  }

  #untilReady(): Promise<void> {
    return until(READY_TIMEOUT_MS, 'not all pods are ready', async () => {
      const pods = await this.#view.pods();
      return pods.length === PODS.length && pods.every(({ isReady }) => isReady);
    });
  }

  #untilHealthy(): Promise<void> {
    const token = this.#props.project.token();
    return until(READY_TIMEOUT_MS, 'the cluster does not get healthy', async () => {
      const url = `${this.#endpoints[0]}/_ashlar/status`;
      const { status, text } = await this.#client.ask({ kind: 'fetch', url, token });
      return status === 200 && (JSON.parse(text!) as StatusReport).health === 'healthy';
    });
  }

  #timed<T>(what: string, act: () => Promise<T>): Promise<T> {
    return timed(this.#props.context, what, act);
  }
}

function settle(project: KubernetesProject, image: string, size = '100GiB', grownFrom: string | null = null): void {
  const settings: KubernetesSettingsInput = {
    image,
    namespace: NAMESPACE,
    volumes: { kind: 'class', size, grownFrom },
    service: { type: 'NodePort', nodePort: NODE_PORT },
    // Four nodes on one machine.
    resources: { cpuRequest: 0.1, memoryRequest: '256MiB' },
  };
  project.settle(settings);
}
