// A Kubernetes object as plain data, and its one text: the same bytes for the same object, whoever wrote its keys in which order.
import { stringify } from 'yaml';

export interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ManifestMetadata;
  readonly [field: string]: unknown;
}

export interface ManifestMetadata {
  readonly name: string;
  /** Missing with objects that belong to no namespace. */
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What a reader wants to see first. */
const FIRST = ['apiVersion', 'kind', 'metadata', 'name'];

export function manifestText(manifest: Manifest): string {
  // Kubernetes reads YAML 1.1, in which an unquoted yes is true.
  return stringify(ordered(manifest), { compat: 'yaml-1.1', lineWidth: 0, aliasDuplicateObjects: false });
}

/** Unique among the manifests of a cluster: "statefulset-ashlar-a". */
export function manifestId({ kind, metadata }: Manifest): string {
  return `${kind.toLowerCase()}-${metadata.name}`;
}

/** Without undefined fields, because JSON, YAML and Pulumi do not agree on what those are. */
export function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  const rank = (key: string) => (FIRST.includes(key) ? FIRST.indexOf(key) : FIRST.length);
  entries.sort(([a], [b]) => rank(a) - rank(b) || (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, field]) => [key, ordered(field)]));
}
