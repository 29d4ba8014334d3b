// The certificate that clients see: a Secret that is there, or what cert-manager is asked for. Pure.
import type { Plan } from '../../plan/plan.ts';
import type { Manifest } from './manifest.ts';
import { clientServiceName, labelsOf } from './names.ts';
import type { KubernetesSettings } from './settings.ts';

/** The Secret with tls.crt and tls.key; null without TLS. */
export function certificateSecret(plan: Plan, { tls }: KubernetesSettings): string | null {
  if (tls === null) return null;
  return tls.kind === 'secret' ? tls.name : `${plan.name}-tls`;
}

/** Where clients find the CA of the cluster, under ca.crt. */
export function authorityName(plan: Plan): string {
  return `${plan.name}-ca`;
}

export function certificates(plan: Plan, settings: KubernetesSettings): Manifest[] {
  const { tls } = settings;
  switch (tls?.kind) {
    case undefined:
    case 'secret':
      return [];
    case 'cert-manager':
      return [certificate(plan, settings, { group: 'cert-manager.io', ...tls.issuer })];
    case 'own-ca':
      return [
        ...authority(plan, settings),
        certificate(plan, settings, { group: 'cert-manager.io', kind: 'Issuer', name: authorityName(plan) }),
      ];
  }
}

/** Every name under which clients may reach the cluster. */
export function clientNames(plan: Plan, { namespace, clusterDomain, ingress, gateway }: KubernetesSettings): string[] {
  const service = clientServiceName(plan);
  const hosts = [plan.endpoint.host, ingress?.host ?? null, gateway?.host ?? null].filter((host) => host !== null);
  return [
    ...new Set([
      ...hosts.filter((host) => !/^[0-9.]+$|:/.test(host)),
      ...plan.domains.flatMap((domain) => [domain, `*.${domain}`]),
      service,
      `${service}.${namespace}`,
      `${service}.${namespace}.svc`,
      `${service}.${namespace}.svc.${clusterDomain}`,
    ]),
  ];
}

function certificate(
  plan: Plan,
  settings: KubernetesSettings,
  issuerRef: { readonly group: string; readonly kind: string; readonly name: string },
): Manifest {
  return {
    apiVersion: 'cert-manager.io/v1',
    kind: 'Certificate',
    metadata: { name: `${plan.name}-tls`, namespace: settings.namespace, labels: labelsOf(plan) },
    spec: {
      secretName: `${plan.name}-tls`,
      dnsNames: clientNames(plan, settings),
      issuerRef,
      privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
      usages: ['digital signature', 'server auth'],
    },
  };
}

function authority(plan: Plan, { namespace }: KubernetesSettings): Manifest[] {
  const name = authorityName(plan);
  const metadata = { name, namespace, labels: labelsOf(plan) };
  return [
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'Issuer',
      metadata: { ...metadata, name: `${name}-root` },
      spec: { selfSigned: {} },
    },
    {
      apiVersion: 'cert-manager.io/v1',
      kind: 'Certificate',
      metadata,
      spec: {
        isCA: true,
        commonName: `${plan.name} storage`,
        secretName: name,
        duration: '87600h0m0s',
        issuerRef: { group: 'cert-manager.io', kind: 'Issuer', name: `${name}-root` },
        // Clients trust this very key.
        privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Never' },
      },
    },
    { apiVersion: 'cert-manager.io/v1', kind: 'Issuer', metadata, spec: { ca: { secretName: name } } },
  ];
}
