// Who may talk to the API server of a testbed, and what they need for it: a token for each, and the certificate that the server made for
// itself when it first started.
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { KubernetesHost, KubernetesLayout } from './layout.ts';

export interface Identity {
  readonly user: string;
  readonly groups: readonly string[];
}

/** May do anything: whoever runs the testbed. */
export const ADMIN: Identity = { user: 'admin', groups: ['system:masters'] };

/** What Kubernetes itself grants to users of these names is right for them. */
export const CONTROLLERS: Identity = { user: 'system:kube-controller-manager', groups: [] };
export const SCHEDULER: Identity = { user: 'system:kube-scheduler', groups: [] };
export const PROXY: Identity = { user: 'system:kube-proxy', groups: [] };

export function kubeletOf({ name }: KubernetesHost): Identity {
  return { user: `system:node:${name}`, groups: ['system:nodes'] };
}

export const tokensFile = ({ control }: KubernetesLayout) => join(control.directory, 'tokens.csv');
/** Signed by itself; made by the API server. */
export const certificateFile = ({ control }: KubernetesLayout) =>
  join(control.directory, 'certificates', 'apiserver.crt');

/** Draws a token for everybody, once: the API server reads them when it starts. */
export function ensureTokens(layout: KubernetesLayout): void {
  const file = tokensFile(layout);
  if (existsSync(file)) return;
  const identities = [ADMIN, CONTROLLERS, SCHEDULER, PROXY, ...layout.hosts.map(kubeletOf)];
  const lines = identities.map(
    ({ user, groups }) => `${randomBytes(24).toString('hex')},${user},${user},"${groups.join(',')}"`,
  );
  writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 });
}

/** Needs the certificate. server: a URL, under whatever name or address. */
export function writeKubeconfig(layout: KubernetesLayout, { user }: Identity, server: string, file: string): void {
  const { name } = layout;
  const cluster = {
    server,
    // The one of its names that it has whoever asks, and from wherever.
    'tls-server-name': 'kubernetes.default.svc',
    'certificate-authority-data': readFileSync(certificateFile(layout)).toString('base64'),
  };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster }],
    users: [{ name: user, user: { token: tokenOf(layout, user) } }],
    contexts: [{ name, context: { cluster: name, user } }],
    'current-context': name,
  };
  writeFileSync(file, stringify(config), { mode: 0o600 });
}

function tokenOf(layout: KubernetesLayout, user: string): string {
  const lines = readFileSync(tokensFile(layout), 'utf8').split('\n');
  return lines.find((line) => line.split(',')[1] === user)!.split(',')[0]!;
}
