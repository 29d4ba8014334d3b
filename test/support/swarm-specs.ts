// Plans, settings and secrets for the tests of the Swarm target.
import { makePlan } from '../../plan/make-plan.ts';
import type { Plan } from '../../plan/plan.ts';
import { parseClusterSpec } from '../../spec/parse.ts';
import type { ClusterSecrets } from '../../stacks/secret-files.ts';
import { parseSwarmSettings, type SwarmSettings } from '../../stacks/swarm/settings.ts';

export const IMAGE = `registry.example.com/ashlar@sha256:${'0123456789abcdef'.repeat(4)}`;

export const SECRETS: ClusterSecrets = {
  clusterSecret: 'c1'.repeat(32),
  accessKeyId: 'ASHLARTESTROOT',
  secretAccessKey: 'correct-horse-battery-staple',
};

/** Throws when the spec is not one. */
export function planOf(yaml: string): Plan {
  const result = parseClusterSpec(yaml, 'test.yaml');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return makePlan(result.spec);
}

export function settingsOf(settings: Readonly<Record<string, unknown>> = {}): SwarmSettings {
  return parseSwarmSettings({ image: IMAGE, ...settings }, 'the settings');
}

export const SIX_NODES = 'name: six\nerasure: 4+2\nzones: {a: 2, b: 2, c: 2}\ndrives: 1\n';
export const FOUR_NODES = 'name: four\nerasure: 2+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n';
