// The few things that a test says about the cluster it wants, as a complete spec.
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import { parseClusterSpec } from '../../spec/parse.ts';
import { LocalError } from './errors.ts';

export interface TestShape {
  /** How many zones of one node each (they are called a, b, c …), or the number of nodes by zone. Default 4. */
  readonly zones?: number | Readonly<Record<string, number>>;
  /** On each node. Default 2. */
  readonly drives?: number;
  /** "k+m": any k of the k+m shards rebuild the data. Default "4+2". */
  readonly erasure?: string;
  /** Default "us-east-1". */
  readonly region?: string;
  /** Names under which buckets are subdomains (virtual-host style). They need not resolve. Default: none. */
  readonly domains?: readonly string[];
}

const DEFAULT_ZONES = 4;
const ZONES_MAX = 26;

/** Throws LocalError 'input' with everything that is wrong. */
export function testSpec({
  zones = DEFAULT_ZONES,
  drives = 2,
  erasure = '4+2',
  region = 'us-east-1',
  domains = [],
}: TestShape): ClusterSpec {
  if (typeof zones === 'number' && (!Number.isInteger(zones) || zones < 1 || zones > ZONES_MAX)) {
    throw new LocalError('input', `zones: ${zones} is not a number of zones from 1 to ${ZONES_MAX}`);
  }
  const byZone =
    typeof zones === 'number'
      ? Object.fromEntries(Array.from({ length: zones }, (_, index) => [String.fromCharCode(97 + index), 1]))
      : zones;
  // The text of a spec is the one way to a spec, so that a test's options are checked as a file would be.
  const text = JSON.stringify({ name: 'test', zones: byZone, drives, erasure, region, domains });
  const result = parseClusterSpec(text, 'createTestCluster');
  if (result.ok) return result.spec;
  const problems = result.problems.map(({ path, message, remedy }) => `${path}: ${message}. ${remedy}`);
  throw new LocalError('input', `createTestCluster: ${problems.join('\n')}`);
}
