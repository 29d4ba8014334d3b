import { describe, expect, test } from 'vitest';
import { type HostProbe, parseProbe } from '../../../stacks/swarm/host-probe.ts';
import { judgeSwarm, type SwarmFacts } from '../../../stacks/swarm/preconditions.ts';
import type { SwarmHost } from '../../../stacks/swarm/swarm-facts.ts';
import { FOUR_NODES, planOf, settingsOf } from '../../support/swarm-specs.ts';
import { host } from './hosts.ts';

const plan = planOf(FOUR_NODES);
const well = (change: Partial<SwarmHost> = {}): SwarmHost[] =>
  ['a', 'b', 'c', 'd'].map((zone, index) =>
    host(
      `h${index + 1}`,
      { zone, 'ashlar.four': `${zone}1` },
      { isManager: index < 3, ...(index === 0 ? change : {}) },
    ),
  );
const judge = (facts: Partial<SwarmFacts>, settings: Readonly<Record<string, unknown>> = {}) =>
  judgeSwarm(plan, settingsOf(settings), { hosts: well(), network: null, probes: null, ...facts });

const PATHS = ['/mnt/d1', '/mnt/d2'];
const seen = (change: object = {}): HostProbe => ({
  kind: 'seen',
  directories: PATHS.map((path) => ({ path, isMountPoint: true, isWritable: true })),
  clockSkewMs: 0,
  linkMtu: 1500,
  uid: 10001,
  ...change,
});
const probed = (probe: HostProbe) => ({
  probes: new Map([['a1', probe], ...['b1', 'c1', 'd1'].map((node): [string, HostProbe] => [node, seen()])]),
});

test('nothing stands against a Swarm that is as it should be', () => {
  const network = { driver: 'overlay', subnets: ['10.86.0.0/24'], mtu: 1450 };
  expect(judge({ network, ...probed(seen()) })).toEqual({ problems: [], remarks: [] });
});

describe('a Swarm is refused', () => {
  test('with fewer labelled hosts than the spec has nodes', () => {
    const { problems } = judge({ hosts: well().slice(0, 3) });
    expect(problems[0]).toContain("the spec has 4 nodes, and 3 of the Swarm's 3 hosts have the label ashlar.four");
    expect(problems).toContain('no host has the label ashlar.four=d1');
  });

  test('when two hosts have the same node', () => {
    expect(judge({ hosts: [...well(), host('h5', { zone: 'a', 'ashlar.four': 'a1' })] }).problems).toEqual([
      'h1 and h5 have the same label ashlar.four=a1: two hosts would take turns in running it',
    ]);
  });

  const hosts: readonly (readonly [what: string, change: Partial<SwarmHost>, words: string])[] = [
    [
      'in another zone than the spec says',
      { labels: { zone: 'x', 'ashlar.four': 'a1' } },
      'has the label zone=x, and the spec says zone a',
    ],
    ['down', { state: 'down' }, 'host h1 of node a1 is down'],
    ['drained', { availability: 'drain' }, 'takes no tasks (availability drain)'],
    ['older than it may be', { engineVersion: '19.03.15' }, 'host h1 has engine 19.03.15; 20.10 is the least'],
  ];
  for (const [what, change, words] of hosts) {
    test(`with a host that is ${what}`, () => {
      const { problems } = judge({ hosts: well(change) });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(words);
    });
  }

  test('with a network of another MTU or subnet, which cannot be changed', () => {
    const { problems } = judge({ network: { driver: 'overlay', subnets: ['10.78.1.0/24'], mtu: null } });
    expect(problems).toHaveLength(2);
    expect(problems[0]).toContain('has MTU by default, and the settings say 1450');
    expect(problems[1]).toContain('has subnet 10.78.1.0/24, and the settings say 10.86.0.0/24');
  });

  const probes: readonly (readonly [what: string, probe: HostProbe, words: string])[] = [
    [
      'a directory that is not there',
      { kind: 'failed', reason: 'bind source path does not exist: /mnt/d2' },
      'host h1: bind source path does not exist: /mnt/d2',
    ],
    [
      'nothing mounted',
      seen({ directories: [{ path: '/mnt/d1', isMountPoint: false, isWritable: true }] }),
      'nothing is mounted at /mnt/d1',
    ],
    [
      'a drive that belongs to somebody else',
      seen({ directories: [{ path: '/mnt/d1', isMountPoint: true, isWritable: false }] }),
      'chown 10001:10001 /mnt/d1',
    ],
    ['a wrong clock', seen({ clockSkewMs: -60_000 }), 'its clock is -60 s off'],
    [
      'a smaller MTU than the settings say',
      seen({ linkMtu: 1400 }),
      'has MTU 1400, and the settings say network.linkMtu 1500',
    ],
  ];
  for (const [what, probe, words] of probes) {
    test(`with a host that has ${what}`, () => {
      const { problems } = judge(probed(probe));
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(words);
    });
  }
});

test('directories that are no mount points may be allowed', () => {
  const probe = seen({ directories: [{ path: '/mnt/d1', isMountPoint: false, isWritable: true }] });
  expect(judge(probed(probe), { mountPoints: 'optional' }).problems).toEqual([]);
});

describe('it is worth a remark', () => {
  test('that one manager is all there is', () => {
    expect(judge({ hosts: well().map((each, index) => ({ ...each, isManager: index === 0 })) }).remarks[0]).toContain(
      'the Swarm has one manager',
    );
  });

  test('that a zone has the majority of the managers', () => {
    const hosts = well().map((each) => ({ ...each, isManager: true }));
    const crowded = [
      ...hosts,
      host('h5', { zone: 'a' }, { isManager: true }),
      host('h6', { zone: 'a' }, { isManager: true }),
    ];
    expect(judge({ hosts: crowded }).remarks).toEqual([
      'zone a has so many managers that the Swarm stands still without it',
    ]);
  });
});

describe('what a probe printed', () => {
  const line = (timeMs: number) =>
    `ashlar-probe ${JSON.stringify({
      directories: [
        { isMountPoint: true, isWritable: false },
        { isMountPoint: false, isWritable: true },
      ],
      timeMs,
      linkMtu: 9000,
      uid: 10001,
    })}\n`;

  test('is told by directory, among whatever else is logged', () => {
    expect(parseProbe(`(node:1) Warning\n${line(1_500)}`, PATHS, 1_000, 2_000)).toEqual({
      kind: 'seen',
      directories: [
        { path: '/mnt/d1', isMountPoint: true, isWritable: false },
        { path: '/mnt/d2', isMountPoint: false, isWritable: true },
      ],
      clockSkewMs: 0,
      linkMtu: 9000,
      uid: 10001,
    });
  });

  test('gives no skew for which the time that the probe took would account', () => {
    expect(parseProbe(line(9_000), PATHS, 1_000, 2_000)).toMatchObject({ clockSkewMs: 7_000 });
    expect(parseProbe(line(400), PATHS, 1_000, 2_000)).toMatchObject({ clockSkewMs: -600 });
  });

  test('is a failure when it is nothing', () => {
    expect(parseProbe('node: not found', PATHS, 0, 1)).toMatchObject({ kind: 'failed' });
  });
});
