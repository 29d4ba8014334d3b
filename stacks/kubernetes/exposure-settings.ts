// The part of the settings that says how clients come in: the service, TLS and who ends it, Ingress and Gateway.
import { z } from 'zod';

/** A digest makes it the same image on every host and in a year. */
const IMAGE = /^[a-z0-9][A-Za-z0-9._:/-]*@sha256:[0-9a-f]{64}$/;

export const image = z
  .string()
  .regex(IMAGE, 'is no image with a digest; write REGISTRY/NAME@sha256:… as "ashlar image push" prints it');
const name = z.string().regex(/^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$/, 'is no name of a Kubernetes object');
const host = z
  .string()
  .regex(/^(?:\*\.)?[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*$/, 'is no host name');
const annotations = z.record(z.string().min(1), z.string()).default({});
const port = z.int().min(1).max(65_535);

export const exposureSchema = z.object({
  service: z
    .strictObject({
      type: z.enum(['ClusterIP', 'LoadBalancer', 'NodePort']).default('ClusterIP'),
      /** null: the port of the spec's endpoint, else that of the nodes, or 443 with TLS. */
      port: port.nullable().default(null),
      nodePort: z.int().min(30_000).max(32_767).nullable().default(null),
      annotations,
      loadBalancerClass: z.string().min(1).nullable().default(null),
      /** Where a load balancer may be reached from. */
      sourceRanges: z.array(z.union([z.cidrv4(), z.cidrv6()])).default([]),
    })
    .prefault({}),
  /** HAProxy 2.6 or newer in front of the nodes: ends TLS, prefers nodes that answer, keeps what is the nodes' own from clients. */
  balancer: z
    .strictObject({
      image,
      replicas: z.int().min(1).max(64).default(2),
    })
    .nullable()
    .default(null),
  /** The nodes speak plain HTTP; the balancer, an Ingress or a Gateway ends TLS with this certificate. */
  tls: z
    .discriminatedUnion('kind', [
      /** A Secret of type kubernetes.io/tls that is there. */
      z.strictObject({ kind: z.literal('secret'), name }),
      z.strictObject({
        kind: z.literal('cert-manager'),
        issuer: z.strictObject({ name, kind: z.enum(['Issuer', 'ClusterIssuer']).default('ClusterIssuer') }),
      }),
      /** A CA of the cluster's own, which cert-manager makes and keeps; clients get it from the Secret CLUSTER-ca. */
      z.strictObject({ kind: z.literal('own-ca') }),
    ])
    .nullable()
    .default(null),
  ingress: z
    .strictObject({ className: name, host: host.nullable().default(null), annotations })
    .nullable()
    .default(null),
  /** An HTTPRoute; the Gateway itself, and its certificate, are its owner's. */
  gateway: z
    .strictObject({
      name,
      namespace: name.nullable().default(null),
      section: z.string().min(1).nullable().default(null),
      host: host.nullable().default(null),
    })
    .nullable()
    .default(null),
});
