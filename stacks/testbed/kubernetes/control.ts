// The control plane of a Kubernetes testbed: processes in a network namespace of their own, started in the order in which they need each
// other. It is not one of the hosts: those can lose their power without it.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryProgram } from '../../run-program.ts';
import { inNamespace } from '../network.ts';
import { ensureService, isServiceOn, type ServiceProps, stopService } from '../service.ts';
import {
  ADMIN,
  CONTROLLERS,
  certificateFile,
  ensureTokens,
  SCHEDULER,
  tokensFile,
  writeKubeconfig,
} from './kubeconfig.ts';
import { API_PORT, CLUSTER_DOMAIN, type KubernetesLayout, SERVICE_NETWORK } from './layout.ts';
import type { KubernetesPrograms } from './programs.ts';

const ETCD = 'http://127.0.0.1:2379';
/** They alone ask this API server: by default they would hold themselves back for minutes with some hundred nodes. */
const API_LIMITS = { 'kube-api-qps': '200', 'kube-api-burst': '400' };
/** In the order of their start. */
const PARTS = ['etcd', 'apiserver', 'controllers', 'scheduler', 'dns'] as const;
type Part = (typeof PARTS)[number];

/** Resolves when all of it answers. */
export async function ensureControlPlane(layout: KubernetesLayout, programs: KubernetesPrograms): Promise<void> {
  const { control, clientKubeconfig } = layout;
  mkdirSync(control.directory, { recursive: true });
  ensureTokens(layout);
  ensureServiceAccountKey(layout);
  await ensureService(etcd(layout));
  await ensureService(apiServer(layout, programs));
  writeKubeconfig(layout, ADMIN, layout.apiServer, clientKubeconfig);
  await Promise.all([controllers, scheduler, dns].map((part) => ensureService(part(layout, programs))));
}

/** By name; what does not run. */
export function partsThatAreOff({ control }: KubernetesLayout): string[] {
  return PARTS.filter((part) => !isServiceOn(join(control.directory, part)));
}

export async function stopControlPlane({ control }: KubernetesLayout): Promise<void> {
  for (const part of PARTS.toReversed()) await stopService(join(control.directory, part));
}

const keyFile = ({ control }: KubernetesLayout) => join(control.directory, 'service-accounts.key');

function ensureServiceAccountKey(layout: KubernetesLayout): void {
  if (existsSync(keyFile(layout))) return;
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(keyFile(layout), privateKey.export({ type: 'sec1', format: 'pem' }), { mode: 0o600 });
}

function etcd(layout: KubernetesLayout): ServiceProps {
  const flags = [
    '--listen-client-urls',
    ETCD,
    '--advertise-client-urls',
    ETCD,
    '--listen-peer-urls',
    'http://127.0.0.1:2380',
  ];
  const data = ['--data-dir', join(layout.control.directory, 'etcd', 'data'), '--logger', 'zap', '--log-level', 'warn'];
  return service(layout, 'etcd', ['etcd', ...data, ...flags], `${ETCD}/health`);
}

function apiServer(layout: KubernetesLayout, { server }: KubernetesPrograms): ServiceProps {
  const { control } = layout;
  const flags = {
    'etcd-servers': ETCD,
    'advertise-address': control.address,
    'secure-port': String(API_PORT),
    'cert-dir': join(control.directory, 'certificates'),
    'service-cluster-ip-range': SERVICE_NETWORK,
    'service-account-issuer': `https://kubernetes.default.svc.${CLUSTER_DOMAIN}`,
    'service-account-key-file': keyFile(layout),
    'service-account-signing-key-file': keyFile(layout),
    'token-auth-file': tokensFile(layout),
    'authorization-mode': 'Node,RBAC',
    'enable-admission-plugins': 'NodeRestriction',
    'kubelet-preferred-address-types': 'InternalIP',
  };
  return service(
    layout,
    'apiserver',
    [server, 'kube-apiserver', ...flagsOf(flags)],
    `https://127.0.0.1:${API_PORT}/readyz`,
  );
}

function controllers(layout: KubernetesLayout, { server }: KubernetesPrograms): ServiceProps {
  const flags = {
    kubeconfig: kubeconfigOf(layout, 'controllers', CONTROLLERS),
    'service-account-private-key-file': keyFile(layout),
    'root-ca-file': certificateFile(layout),
    'use-service-account-credentials': 'true',
    // It makes this directory; the one by default is the machine's.
    'flex-volume-plugin-dir': join(layout.control.directory, 'controllers', 'plugins'),
    'leader-elect': 'false',
    // Half of what it is by default, for tests that wait for it; hosts report every ten seconds.
    'node-monitor-grace-period': '25s',
    ...API_LIMITS,
  };
  const command = [server, 'kube-controller-manager', ...flagsOf(flags)];
  return service(layout, 'controllers', command, 'https://127.0.0.1:10257/healthz');
}

function scheduler(layout: KubernetesLayout, { server }: KubernetesPrograms): ServiceProps {
  const flags = { kubeconfig: kubeconfigOf(layout, 'scheduler', SCHEDULER), 'leader-elect': 'false', ...API_LIMITS };
  return service(layout, 'scheduler', [server, 'kube-scheduler', ...flagsOf(flags)], 'https://127.0.0.1:10259/healthz');
}

/** Pods ask it directly, at the address of the control plane: it needs no pod and no service. */
function dns(layout: KubernetesLayout, { dns: program }: KubernetesPrograms): ServiceProps {
  const kubeconfig = kubeconfigOf(layout, 'dns', ADMIN);
  const file = join(layout.control.directory, 'dns', 'Corefile');
  const lines = [
    '.:53 {',
    `  bind ${layout.control.address}`,
    '  errors',
    '  ready 127.0.0.1:8181',
    '  cache 5',
    `  kubernetes ${CLUSTER_DOMAIN} {`,
    `    kubeconfig ${kubeconfig}`,
    '  }',
    '}',
  ];
  writeFileSync(file, `${lines.join('\n')}\n`);
  return service(layout, 'dns', [program, '-conf', file], 'http://127.0.0.1:8181/ready');
}

function service(layout: KubernetesLayout, part: Part, command: readonly string[], url: string): ServiceProps {
  const { control, name } = layout;
  const directory = join(control.directory, part);
  mkdirSync(directory, { recursive: true });
  const isReady = () => answersWell(control.namespace, url);
  return { title: `${part} of testbed ${name}`, directory, namespace: control.namespace, command, isReady };
}

/** Asked from within its namespace, which this process is not in. */
async function answersWell(namespace: string, url: string): Promise<boolean> {
  const ask = `fetch(${JSON.stringify(url)}).then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))`;
  const node = ['env', 'NODE_TLS_REJECT_UNAUTHORIZED=0', 'NODE_NO_WARNINGS=1', process.execPath, '--eval', ask];
  const [program, ...args] = [...inNamespace(namespace), ...node];
  return (await tryProgram(program!, args)).exitCode === 0;
}

function kubeconfigOf(layout: KubernetesLayout, part: Part, identity: typeof ADMIN): string {
  const file = join(layout.control.directory, part, 'kubeconfig');
  mkdirSync(join(layout.control.directory, part), { recursive: true });
  writeKubeconfig(layout, identity, layout.apiServer, file);
  return file;
}

export function flagsOf(flags: Readonly<Record<string, string>>): string[] {
  return Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
}
