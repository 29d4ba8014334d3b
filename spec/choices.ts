// The settings of a spec that are a choice between words.

export const ENGINES = ['ashlar', 'rustfs', 'minio'] as const;
export type Engine = (typeof ENGINES)[number];

/** Failure domains, widest first. */
export const DOMAINS = ['zone', 'node', 'drive'] as const;
export type FailureDomain = (typeof DOMAINS)[number];
