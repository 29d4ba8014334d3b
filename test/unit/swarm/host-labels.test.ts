import { describe, expect, test } from 'vitest';
import { assignHosts } from '../../../stacks/swarm/host-labels.ts';
import type { SwarmHost } from '../../../stacks/swarm/swarm-facts.ts';
import { FOUR_NODES, planOf, SIX_NODES, settingsOf } from '../../support/swarm-specs.ts';
import { host } from './hosts.ts';

const assign = (yaml: string, hosts: readonly SwarmHost[], asked: Readonly<Record<string, string>> = {}) => {
  const { changes, problems } = assignHosts(planOf(yaml), settingsOf(), hosts, new Map(Object.entries(asked)));
  return {
    hosts: Object.fromEntries(changes.map((change) => [change.node, change.host.hostname])),
    labels: changes.map(({ labels }) => labels),
    problems,
  };
};

describe('nodes go to hosts', () => {
  test('of their zone, in the order of the names', () => {
    const hosts = ['c', 'b', 'a'].flatMap((zone) => [1, 2, 3].map((n) => host(`${zone}-host${n}`, { zone })));
    const { hosts: chosen, labels, problems } = assign(SIX_NODES, hosts);
    expect(problems).toEqual([]);
    expect(chosen).toEqual({
      a1: 'a-host1',
      a2: 'a-host2',
      b1: 'b-host1',
      b2: 'b-host2',
      c1: 'c-host1',
      c2: 'c-host2',
    });
    expect(labels[0]).toEqual({ 'ashlar.six': 'a1' });
  });

  test('that have them already, whatever their names', () => {
    const hosts = [
      host('h1', { zone: 'a' }),
      host('h9', { zone: 'a', 'ashlar.four': 'a1' }),
      ...['b', 'c', 'd'].map((zone, n) => host(`h${n + 2}`, { zone })),
    ];
    const { hosts: chosen, labels } = assign(FOUR_NODES, hosts);
    expect(chosen.a1).toBe('h9');
    expect(labels[0]).toEqual({});
  });

  test('that were asked for, which get the label of the zone, too', () => {
    const hosts = [1, 2, 3, 4].map((n) => host(`h${n}`));
    const { hosts: chosen, labels, problems } = assign(FOUR_NODES, hosts, { a1: 'h4', b1: 'h3', c1: 'h2', d1: 'h1' });
    expect(problems).toEqual([]);
    expect(chosen).toEqual({ a1: 'h4', b1: 'h3', c1: 'h2', d1: 'h1' });
    expect(labels[0]).toEqual({ zone: 'a', 'ashlar.four': 'a1' });
  });

  test('that have the address which the spec gives them', () => {
    const spec = `erasure: 1+1\nsurvive: node\nnodes:\n  a1: {zone: a, address: 10.0.0.2, drives: 1}\n  a2: {zone: a, address: h1, drives: 1}\n  a3: {zone: a, address: h3, drives: 1}\n`;
    expect(assign(spec, [host('h1'), host('h2'), host('h3')]).hosts).toEqual({ a1: 'h2', a2: 'h1', a3: 'h3' });
  });
});

describe('it is said', () => {
  test('which zones have too few hosts', () => {
    const { problems } = assign(FOUR_NODES, [host('h1', { zone: 'a' }), host('h2', { zone: 'b' }), host('h3')]);
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain("node c1 has no host: zone c needs 1, and 0 of the Swarm's 3 have the label zone=c");
  });

  test('what was asked for and cannot be', () => {
    const hosts = [host('h1', { 'ashlar.four': 'b1' }), host('h2')];
    const { problems } = assign(FOUR_NODES, hosts, { a1: 'h1', c1: 'h2', d1: 'h2', e1: 'h2' });
    expect(problems).toContain('the spec has no node e1');
    expect(problems).toContain('host h1 has node b1 already and cannot have a1, too');
    expect(problems).toContain('host h2 was given to two nodes, one of them d1');
  });
});
