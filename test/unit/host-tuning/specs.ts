// Specs for the tests of host tuning.
import { type ClusterSpec, parseClusterSpec } from '../../../spec/cluster-spec.ts';

/** Throws when the text is no spec. */
export function specOf(text: string): ClusterSpec {
  const result = parseClusterSpec(text, 'test.yaml');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

/** Three nodes, and the machine of one of them. */
export const ONE_HOST = `
name: one
erasure: 2+1
nodes:
  a1: {zone: a, address: 10.0.0.11, drives: 2}
  b1: {zone: b, address: 10.0.0.12, drives: 2}
  c1: {zone: c, address: 10.0.0.13, drives: 2}
hosts:
  classes:
    one:
      system: debian-12
      bonds: {bond0: {members: [port0, port1]}}
      networks: {storage: {over: bond0}}
  machines:
    a1:
      class: one
      nics: {port0: "02:00:00:00:00:01", port1: "02:00:00:00:00:02"}
      networks: {storage: {addresses: [10.0.0.11/24]}}
      drives: {d1: {serial: S-1}, d2: {serial: S-2}}
`;
