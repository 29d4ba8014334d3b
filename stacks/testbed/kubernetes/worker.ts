// A host of a Kubernetes testbed: what its containerd, its kubelet and its proxy read, and their start.
import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { runProgram, tryProgram } from '../../run-program.ts';
import { TestbedError } from '../errors.ts';
import { LINK_MTU } from '../layout.ts';
import { turnOn } from '../power.ts';
import { kubeletOf, PROXY, writeKubeconfig } from './kubeconfig.ts';
import { CLUSTER_DOMAIN, type KubernetesHost, type KubernetesLayout, POD_NETWORK } from './layout.ts';
import { PAUSE_IMAGE } from './pause-image.ts';
import type { KubernetesPrograms } from './programs.ts';

const SCRIPT = fileURLToPath(new URL('worker.sh', import.meta.url));
export const ZONE_LABEL = 'topology.kubernetes.io/zone';

/** Resolves when it can take images; its node is ready some seconds later. */
export async function turnOnWorker(
  layout: KubernetesLayout,
  host: KubernetesHost,
  { server }: KubernetesPrograms,
): Promise<void> {
  const config = join(host.directory, 'config');
  mkdirSync(config, { recursive: true });
  const write = (name: string, text: string) => writeFileSync(join(config, name), text);
  write('containerd.toml', containerdConfig(host));
  mkdirSync(networkDirectory(host.directory), { recursive: true });
  writeFileSync(
    join(networkDirectory(host.directory), 'bridge.conflist'),
    JSON.stringify(bridgeNetwork(host), null, 2),
  );
  write('kubelet.yaml', stringify(kubeletConfig(layout, host)));
  write('proxy.yaml', stringify(proxyConfig(config, host)));
  writeKubeconfig(layout, kubeletOf(host), layout.apiServer, join(config, 'kubelet.kubeconfig'));
  writeKubeconfig(layout, PROXY, layout.apiServer, join(config, 'proxy.kubeconfig'));
  const kubelet = [host.runtimeSocket, join(host.directory, 'kubelet'), host.address, `${ZONE_LABEL}=${host.zone}`];
  const own = join(host.directory, 'var');
  await turnOn(layout, host, ['sh', SCRIPT, config, own, host.cgroup, server, ...kubelet], takesImages);
}

/** archive: as "docker save" makes it, of an image in that repository. Resolves with the image's name by digest. */
export async function importImage(host: KubernetesHost, archive: string, repository: string): Promise<string> {
  const said = await importArchive(host, ['--base-name', repository, '--digests', archive]);
  const reference = said.match(/\S+@sha256:[0-9a-f]{64}/)?.[0];
  if (reference !== undefined) return reference;
  throw new TestbedError(
    'failure',
    `host ${host.name} says nothing of an image of ${repository} in ${archive}: ${said}`,
  );
}

export async function importPause(host: KubernetesHost, archive: string): Promise<void> {
  await importArchive(host, [archive]);
}

async function importArchive({ runtimeSocket }: KubernetesHost, args: readonly string[]): Promise<string> {
  const importing = ['--address', runtimeSocket, '--namespace', 'k8s.io', 'images', 'import', ...args];
  return (await runProgram('ctr', importing)).stdout;
}

/** What hosts see their own directories at, where the machine has nothing there itself (worker.sh). */
export function removeMountPoints(): void {
  for (const directory of ['/var/lib/kubelet', '/var/lib/cni']) {
    try {
      rmdirSync(directory);
    } catch {
      // It was never there, or has something in it, and is the machine's own.
    }
  }
}

async function takesImages({ runtimeSocket }: KubernetesHost): Promise<boolean> {
  return (await tryProgram('ctr', ['--address', runtimeSocket, 'version'])).exitCode === 0;
}

const networkDirectory = (directory: string) => join(directory, 'config', 'networks');

function containerdConfig({ directory, runtimeSocket }: KubernetesHost): string {
  const quoted = JSON.stringify;
  return [
    'version = 2',
    `root = ${quoted(join(directory, 'containerd'))}`,
    'state = "/run/containerd"',
    '[grpc]',
    `  address = ${quoted(runtimeSocket)}`,
    '[plugins."io.containerd.grpc.v1.cri"]',
    `  sandbox_image = ${quoted(PAUSE_IMAGE)}`,
    // Without CAP_SYS_RESOURCE, as in many sandboxes, nothing could be started otherwise.
    '  restrict_oom_score_adj = true',
    '[plugins."io.containerd.grpc.v1.cri".cni]',
    '  bin_dir = "/usr/lib/cni"',
    // Its own: whatever network the machine itself is configured for is not this one.
    `  conf_dir = ${quoted(networkDirectory(directory))}`,
    '',
  ].join('\n');
}

/** Pods are reached at their own addresses from everywhere in the testbed: every namespace has routes to them. */
function bridgeNetwork({ podNetwork }: KubernetesHost): unknown {
  const bridge = {
    ...{ type: 'bridge', bridge: 'pods0', isGateway: true, ipMasq: false, hairpinMode: true, mtu: LINK_MTU },
    ipam: {
      type: 'host-local',
      dataDir: '/run/cni',
      ranges: [[{ subnet: podNetwork }]],
      routes: [{ dst: '0.0.0.0/0' }],
    },
  };
  return { cniVersion: '1.0.0', name: 'pods', plugins: [bridge] };
}

function kubeletConfig({ control }: KubernetesLayout, { cgroup, runtimeSocket }: KubernetesHost): unknown {
  const nothing = ['memory.available', 'nodefs.available', 'nodefs.inodesFree', 'imagefs.available'];
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    containerRuntimeEndpoint: `unix://${runtimeSocket}`,
    // Only the testbed reaches it: the API server needs no certificate of its own for it.
    authentication: { anonymous: { enabled: true }, webhook: { enabled: false } },
    authorization: { mode: 'AlwaysAllow' },
    clusterDNS: [control.address],
    clusterDomain: CLUSTER_DOMAIN,
    resolvConf: '',
    volumePluginDir: '/run/kubelet-plugins',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: cgroup,
    failCgroupV1: false,
    enforceNodeAllocatable: [],
    localStorageCapacityIsolation: false,
    failSwapOn: false,
    // All hosts share one disk and one memory, and the machine has its own say about both.
    evictionHard: Object.fromEntries(nothing.map((signal) => [signal, '0%'])),
    imageGCHighThresholdPercent: 100,
    imageGCLowThresholdPercent: 99,
  };
}

/** Limits of connection tracking belong to the machine, and stay as they are. */
function proxyConfig(config: string, { name }: KubernetesHost): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    clientConnection: { kubeconfig: join(config, 'proxy.kubeconfig') },
    mode: 'iptables',
    // Where bridges do not call iptables, an answer between pods of one host would find its way back without being translated.
    iptables: { masqueradeAll: true },
    hostnameOverride: name,
    clusterCIDR: POD_NETWORK,
    conntrack: {
      maxPerCore: 0,
      min: 0,
      tcpEstablishedTimeout: '0s',
      tcpCloseWaitTimeout: '0s',
      udpTimeout: '0s',
      udpStreamTimeout: '0s',
    },
  };
}
