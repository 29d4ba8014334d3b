// The settings of a spec that are a choice between words.

export const ENGINES = ['ashlar', 'rustfs', 'minio'] as const;
export type Engine = (typeof ENGINES)[number];

/** Failure domains, widest first. */
export const DOMAINS = ['zone', 'node', 'drive'] as const;
export type FailureDomain = (typeof DOMAINS)[number];

/** What a spec promises that does not say what it must survive. */
export function defaultDomain(zoneCount: number, nodeCount: number): FailureDomain {
  if (zoneCount > 1) return 'zone';
  return nodeCount > 1 ? 'node' : 'drive';
}
