// Without Pulumi: manifests that `ashlar render` wrote, applied by kubectl, rolled out by `ashlar kubernetes roll`. Drives that are mounted on
// the hosts, a log apart from them, and HAProxy that ends TLS in front. The password of the root user changes; what is deleted and applied
// again has its objects.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KubernetesSettingsInput } from '../../../stacks/kubernetes/settings.ts';
import type { KubernetesLayout } from '../../../stacks/testbed/kubernetes/layout.ts';
import { kubernetesClientCommand } from '../../../stacks/testbed/kubernetes/testbed.ts';
import { builtImage, haproxyImage } from '../images.ts';
import { ClusterView } from '../kubernetes/cluster-view.ts';
import {
  KUBERNETES_PACKAGES,
  kubernetesObstacle,
  makeNamespace,
  NAMESPACE,
  onKubernetes,
  prepareKubernetes,
  withEngine,
} from '../kubernetes/on-kubernetes.ts';
import { KubernetesProject } from '../kubernetes/project.ts';
import { type ProgramResult, run } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { timed, until } from '../testbed.ts';

const CLUSTER = 'plain';
const NODE_PORT = 30_901;
const READY_TIMEOUT_MS = 120_000;
const BODY = Buffer.alloc(3_000_000, 'each byte of it ');

export const kubernetesManifests: Suite = {
  name: 'kubernetes-manifests',
  summary:
    'rendered manifests on a Kubernetes of four hosts: local drives, a log apart, HAProxy with TLS, another password',
  notInCi: 'the suite kubernetes deploys the same objects; name it to run it',
  packages: [...KUBERNETES_PACKAGES, { name: 'haproxy', program: 'haproxy' }, { name: 'openssl', program: 'openssl' }],
  obstacle: async () => (await kubernetesObstacle()) ?? ((await isAwsThere()) ? null : 'needs the AWS CLI on the PATH'),
  prepare: prepareKubernetes,
  run: async (context) => {
    await timed(context, 'Kubernetes built', prepareKubernetes);
    await onKubernetes(context, { hostCount: 4, zoneCount: 4 }, (layout) => new ManifestsRun(context, layout).run());
  },
};

async function isAwsThere(): Promise<boolean> {
  return (await run('sh', ['-c', 'aws --version'], { mustSucceed: false })).exitCode === 0;
}

class ManifestsRun {
  readonly #context: SuiteContext;
  readonly #layout: KubernetesLayout;
  readonly #view: ClusterView;
  readonly #project: KubernetesProject;
  readonly #rendered: string;
  readonly #certificate: string;

  constructor(context: SuiteContext, layout: KubernetesLayout) {
    const directory = join(context.directory, 'project');
    this.#context = context;
    this.#layout = layout;
    this.#view = new ClusterView(layout.kubeconfig, NAMESPACE);
    // Each node is called like its host, so that its volumes are looked for there.
    const nodes = layout.hosts.map(
      ({ name, zone }) => `  ${name}: {zone: ${zone}, drives: [/mnt/d1, /mnt/d2], wal: /mnt/d3}\n`,
    );
    const spec = `name: ${CLUSTER}\nerasure: 4+2\nsurvive: zone\nnodes:\n${nodes.join('')}`;
    this.#project = new KubernetesProject(directory, CLUSTER, spec, layout.kubeconfig);
    this.#rendered = join(directory, 'rendered');
    this.#certificate = join(context.directory, 'tls.crt');
  }

  async run(): Promise<void> {
    const images = await timed(this.#context, 'images built, and loaded by all hosts', () =>
      withEngine(this.#context, this.#layout.name, async (place) => ({
        ashlar: await builtImage(place),
        haproxy: await haproxyImage(place),
      })),
    );
    await makeNamespace(this.#layout);
    await this.#makeCertificate();
    const settings: KubernetesSettingsInput = {
      image: images.ashlar,
      namespace: NAMESPACE,
      volumes: { kind: 'local' },
      balancer: { image: images.haproxy },
      tls: { kind: 'secret', name: 'certificate' },
      service: { type: 'NodePort', nodePort: NODE_PORT },
      resources: { cpuRequest: 0.1, memoryRequest: '256MiB' },
    };
    this.#project.settle(settings);
    await this.#project.ashlar(['kubernetes', 'secrets', '--apply']);
    await this.#project.ashlar(['kubernetes', 'check']);
    await this.#deploy('applied and rolled out');
    await this.#mustNotDiffer();
    const body = join(this.#context.directory, 'body');
    writeFileSync(body, BODY);
    await this.#aws(['s3', 'mb', 's3://holiday']);
    await this.#aws(['s3', 'cp', body, 's3://holiday/photo']);
    await this.#mustRead();
    await this.#changePassword();
    await this.#drainWithBalancer();
    await this.#deleteAndApplyAgain();
  }

  /** Old and new are asked through HAProxy, by a client that trusts only this certificate. */
  async #changePassword(): Promise<void> {
    const file = join(this.#project.directory, '.ashlar', `${CLUSTER}.kubernetes`, 'secrets', 'root-password');
    const old = this.#project.credentials();
    writeFileSync(file, 'another-password-of-some-length');
    await this.#project.ashlar(['kubernetes', 'secrets', '--apply']);
    await this.#deploy('another root password');
    const refused = await this.#aws(['s3', 'ls'], old.secretAccessKey);
    if (refused.exitCode === 0 || !refused.stderr.includes('SignatureDoesNotMatch'))
      throw new Error(`the old password is taken still: ${refused.stdout}${refused.stderr}`);
    await this.#mustRead();
  }

  /** kubectl refuses to take pods with scratch directories, so none may have one; HAProxy has a second pod on another host. */
  async #drainWithBalancer(): Promise<void> {
    await timed(this.#context, 'kubectl drain h1', () =>
      this.#view.kubectl(['drain', 'h1', '--ignore-daemonsets', '--timeout=120s']),
    );
    await this.#mustRead();
    await this.#view.kubectl(['uncordon', 'h1']);
    await this.#untilReady();
  }

  async #deleteAndApplyAgain(): Promise<void> {
    await timed(this.#context, 'kubectl delete -k', () => this.#view.kubectl(['delete', '-k', this.#rendered]));
    await until(READY_TIMEOUT_MS, 'pods are there still', async () => (await this.#view.pods()).length === 0);
    const claims = await this.#view.claims();
    const wanted = this.#layout.hosts.length * 3;
    if (claims.length !== wanted || claims.some((claim) => !claim.endsWith(' Bound')))
      throw new Error(`${wanted} bound claims were to be kept; there are: ${claims.join(', ')}`);
    await this.#deploy('applied again, on the volumes that were kept');
    await this.#mustRead();
    this.#context.say(`  ${claims.length} claims and the object were kept`);
  }

  async #deploy(what: string): Promise<void> {
    await timed(this.#context, what, async () => {
      await this.#project.ashlar(['render', 'kubernetes', '--out', 'rendered']);
      await this.#view.kubectl(['apply', '--server-side', '-f', join(this.#rendered, 'volumes.yaml')]);
      await this.#view.kubectl(['apply', '--server-side', '-k', this.#rendered]);
      await this.#project.ashlar(['kubernetes', 'roll']);
    });
    await this.#untilReady();
  }

  async #mustNotDiffer(): Promise<void> {
    const { exitCode, stdout } = await this.#view.kubectl(['diff', '--server-side', '-k', this.#rendered], false);
    if (exitCode !== 0) throw new Error(`right after it was applied there is a difference:\n${stdout}`);
  }

  async #mustRead(): Promise<void> {
    const file = join(this.#context.directory, 'read');
    await this.#aws(['s3', 'cp', 's3://holiday/photo', file]);
    if (!readFileSync(file).equals(BODY)) throw new Error('the object is not what was written');
  }

  /** Through the node port of whatever host; secretAccessKey: another than the right one, which then may be refused. */
  #aws(args: readonly string[], secretAccessKey?: string): Promise<ProgramResult> {
    const { accessKeyId, secretAccessKey: right } = this.#project.credentials();
    const [program, ...enter] = kubernetesClientCommand(this.#layout.name);
    const endpoint = ['--endpoint-url', `https://${this.#layout.hosts[1]!.address}:${NODE_PORT}`];
    const env = {
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey ?? right,
      AWS_DEFAULT_REGION: 'us-east-1',
      AWS_CA_BUNDLE: this.#certificate,
    };
    return run(program!, [...enter, 'aws', ...endpoint, ...args], { env, mustSucceed: secretAccessKey === undefined });
  }

  /** For the addresses of all hosts. */
  async #makeCertificate(): Promise<void> {
    const key = join(this.#context.directory, 'tls.key');
    mkdirSync(this.#context.directory, { recursive: true });
    const names = this.#layout.hosts.map(({ address }) => `IP:${address}`).join();
    const subject = ['-subj', '/CN=e2e', '-addext', `subjectAltName=${names}`];
    const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    await run('openssl', [...made, ...subject, '-keyout', key, '-out', this.#certificate]);
    const files = ['--cert', this.#certificate, '--key', key];
    await this.#view.kubectl(['create', 'secret', 'tls', 'certificate', ...files]);
  }

  #untilReady(): Promise<void> {
    return until(READY_TIMEOUT_MS, 'not all pods are ready', async () => {
      const { stdout } = await this.#view.kubectl([
        'get',
        'deployments',
        '-o',
        'jsonpath={.items[*].status.readyReplicas}',
      ]);
      const pods = await this.#view.pods();
      return stdout === '2' && pods.length === this.#layout.hosts.length && pods.every(({ isReady }) => isReady);
    });
  }
}
