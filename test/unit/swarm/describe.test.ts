import { describe, expect, test } from 'vitest';
import { describeSwarm } from '../../../stacks/swarm/describe.ts';
import { SwarmError } from '../../../stacks/swarm/errors.ts';
import { parseSwarmSettings } from '../../../stacks/swarm/settings.ts';
import type { RunningService } from '../../../stacks/swarm/swarm-facts.ts';
import type { SwarmService, SwarmStack } from '../../../stacks/swarm/swarm-stack.ts';
import { FOUR_NODES, IMAGE, planOf, SECRETS, SIX_NODES, settingsOf } from '../../support/swarm-specs.ts';

const stackOf = (
  yaml: string,
  settings: Readonly<Record<string, unknown>> = {},
  secrets: typeof SECRETS | null = SECRETS,
  running: readonly RunningService[] | null = null,
) => describeSwarm({ plan: planOf(yaml), settings: settingsOf(settings), secrets, running });

const serviceOf = (stack: SwarmStack, name: string): SwarmService =>
  stack.services.find((service) => service.name === name)!;
const others = (stack: SwarmStack, name: string) => stack.services.filter((service) => service.name !== name);
const prints = (stack: SwarmStack) => Object.fromEntries(stack.rollout.map(({ name, trigger }) => [name, trigger]));

const LONG = (a1: string) =>
  `name: four\nerasure: 2+2\nnodes:\n  a1: {zone: a, ${a1}}\n  b1: {zone: b, drives: [/mnt/d1]}\n  c1: {zone: c, drives: [/mnt/d1]}\n  d1: {zone: d, drives: [/mnt/d1]}\n`;

function refusalOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof SwarmError && error.kind === 'input') return error.message;
    throw error;
  }
  throw new Error('it was not refused');
}

describe('a node is', () => {
  test('pinned to its zone and its host, and told of all peers by the names that they have in the network', () => {
    const service = serviceOf(stackOf(FOUR_NODES), 'four-c1');
    expect(service.constraints).toEqual(['node.labels.zone == c', 'node.labels.ashlar.four == c1']);
    expect(service.aliases).toEqual(['c1']);
    expect(service.args.join(' ')).toBe(
      'server --name c1 --zone c --scheme 2+2 --region us-east-1 ' +
        ['a1', 'b1', 'c1', 'd1']
          .flatMap((node) => [`http://${node}:9000/data/d1`, `http://${node}:9000/data/d2`])
          .join(' '),
    );
  });

  test('given its drives and its log device from where they are mounted', () => {
    const stack = stackOf(LONG('drives: [/srv/x/fast], wal: /srv/wal'));
    expect(serviceOf(stack, 'four-a1').mounts).toEqual([
      { kind: 'bind', source: '/srv/x/fast', target: '/data/fast' },
      { kind: 'bind', source: '/srv/wal', target: '/wal' },
      { kind: 'tmpfs', target: '/tmp' },
    ]);
    expect(serviceOf(stack, 'four-a1').args).toContain('--wal');
    expect(serviceOf(stackOf(FOUR_NODES), 'four-a1').mounts[1]).toEqual({
      kind: 'bind',
      source: '/mnt/d2',
      target: '/data/d2',
    });
  });

  test('never called unhealthy for not being ready', () => {
    for (const { health } of stackOf(SIX_NODES).services)
      expect(health).toMatchObject({ kind: 'live', test: [], startPeriod: '5m' });
  });

  test('left as it is when another node is set otherwise', () => {
    const before = stackOf(FOUR_NODES);
    const after = stackOf(FOUR_NODES, {
      nodes: { b1: { environment: { ASHLAR_LOG_LEVEL: 'debug' }, resources: { cpuLimit: 2 } } },
    });
    expect(others(after, 'four-b1')).toEqual(others(before, 'four-b1'));
    expect(serviceOf(after, 'four-b1')).not.toEqual(serviceOf(before, 'four-b1'));
    const { 'zone-b': was, ...wereOthers } = prints(before);
    const { 'zone-b': is, ...areOthers } = prints(after);
    expect(areOthers).toEqual(wereOthers);
    expect(is).not.toBe(was);
  });

  test('left as it is when another node moves its drive to another mount point', () => {
    const before = stackOf(LONG('drives: [/mnt/d1]'));
    const after = stackOf(LONG('drives: [/srv/nvme0/d1]'));
    expect(others(after, 'four-a1')).toEqual(others(before, 'four-a1'));
    expect(serviceOf(after, 'four-a1').mounts[0]).toEqual({
      kind: 'bind',
      source: '/srv/nvme0/d1',
      target: '/data/d1',
    });
  });

  test('left as it is when the cluster grows, while the new one knows all', () => {
    const grown = FOUR_NODES.replace('d: 1', 'd: 2');
    const founders = ['a1', 'b1', 'c1', 'd1'];
    const before = stackOf(FOUR_NODES, { founders });
    const after = stackOf(grown, { founders });
    for (const service of before.services) expect(serviceOf(after, service.name)).toEqual(service);
    expect(serviceOf(after, 'four-d2').args.filter((word) => word.startsWith('http://'))).toHaveLength(10);
  });
});

describe('the rollout goes', () => {
  test('zone by zone, each behind a gate, where the plan survives the loss of a zone', () => {
    expect(stackOf(SIX_NODES).rollout.map(({ name, services, gate }) => ({ name, services, gate }))).toEqual([
      { name: 'zone-a', services: ['six-a1', 'six-a2'], gate: { zone: 'a' } },
      { name: 'zone-b', services: ['six-b1', 'six-b2'], gate: { zone: 'b' } },
      { name: 'zone-c', services: ['six-c1', 'six-c2'], gate: { zone: 'c' } },
    ]);
  });

  test('node by node where it survives only the loss of a node', () => {
    const stack = stackOf('name: room\nerasure: 2+2\nsurvive: node\nzones: {a: 4}\ndrives: 1\n');
    expect(stack.rollout.map(({ services, gate }) => [services, gate])).toEqual(
      ['a1', 'a2', 'a3', 'a4'].map((node) => [[`room-${node}`], { node }]),
    );
  });

  test('without a gate where any stop stops the cluster, since the gate would never open', () => {
    const stack = stackOf('name: box\nerasure: 2+1\nzones: {a: 1}\nsurvive: drive\ndrives: 4\n');
    expect(stack.rollout).toMatchObject([{ name: 'node-a1', services: ['box-a1'], gate: null }]);
  });

  test('node by node and ungated with engines that have no gate', () => {
    const stack = stackOf(`${SIX_NODES}engine: minio\n`);
    expect(stack.rollout).toHaveLength(6);
    expect(stack.rollout.every(({ gate }) => gate === null)).toBe(true);
  });

  test('to the balancers last, one zone at a time, each preferring its own', () => {
    const stack = stackOf(FOUR_NODES, { balancer: { image: IMAGE, port: 8080 } });
    expect(stack.rollout.slice(4).map(({ services }) => services)).toEqual(
      ['a', 'b', 'c', 'd'].map((zone) => [`four-balancer-${zone}`]),
    );
    const balancer = serviceOf(stack, 'four-balancer-b');
    expect(balancer.constraints).toEqual(['node.labels.zone == b']);
    expect(balancer.ports).toEqual([{ target: 8080, published: 8080 }]);
    const { text } = stack.configs.find(({ name }) => name === balancer.configs[0]!.name)!;
    expect(text).toContain('server b1 b1:9000');
    expect(text).toContain('127.0.0.11:53');
  });
});

describe('a step is asked for again', () => {
  test('by everybody when the image changes, and when a secret does', () => {
    const before = prints(stackOf(FOUR_NODES));
    const image = prints(stackOf(FOUR_NODES, { image: IMAGE.replace('0123', '3210') }));
    const secret = prints(stackOf(FOUR_NODES, {}, { ...SECRETS, secretAccessKey: 'another-password' }));
    for (const step of Object.keys(before)) {
      expect(image[step]).not.toBe(before[step]);
      expect(secret[step]).not.toBe(before[step]);
    }
  });

  test('by nobody when only the gate is set otherwise', () => {
    expect(prints(stackOf(FOUR_NODES, { gate: { timeout: '2h' } }))).toEqual(prints(stackOf(FOUR_NODES)));
  });
});

describe('a deploy that is tried again', () => {
  const again = (running: readonly RunningService[], image = IMAGE) => stackOf(SIX_NODES, { image }, SECRETS, running);
  const asRunning = (stack: SwarmStack, version: number): RunningService[] =>
    stack.services.map(({ name, labels, constraints, ports }) => ({ name, version, labels, constraints, ports }));
  const NEW_IMAGE = IMAGE.replace('0123', '3210');

  test('asks the gate again for the zone in which it failed, and no other', () => {
    const first = stackOf(SIX_NODES);
    const wanted = again(asRunning(first, 7), NEW_IMAGE);
    // Zone a is done; in zone b one node was rolled back, which made it version 9, and the other was not reached; so was zone c.
    const after = [
      ...asRunning(wanted, 8).slice(0, 2),
      { ...asRunning(first, 7)[2]!, version: 9 },
      ...asRunning(first, 7).slice(3),
    ];
    const retried = prints(again(after, NEW_IMAGE));
    expect(retried['zone-a']).toBe(prints(wanted)['zone-a']);
    expect(retried['zone-b']).not.toBe(prints(wanted)['zone-b']);
    expect(retried['zone-c']).toBe(prints(wanted)['zone-c']);
  });

  test('changes nothing once everything runs as it should', () => {
    const wanted = again(asRunning(stackOf(SIX_NODES), 7), NEW_IMAGE);
    const settled = again(asRunning(wanted, 8), NEW_IMAGE);
    expect(settled).toEqual(wanted);
    expect(again(asRunning(settled, 12), NEW_IMAGE)).toEqual(wanted);
  });

  test('changes nothing after the first deploy, of which nothing ran before', () => {
    const first = stackOf(SIX_NODES, {}, SECRETS, []);
    expect(again(asRunning(first, 3))).toEqual(first);
    expect(stackOf(SIX_NODES)).toEqual(first);
  });
});

describe('a secret is', () => {
  test('named by its content, and by nothing from which a weak password could be found', () => {
    const name = (secrets: typeof SECRETS) =>
      stackOf(FOUR_NODES, {}, secrets).secrets.find(({ file }) => file === 'root-password')!.name;
    expect(name(SECRETS)).toMatch(/^four-root-password-[0-9a-f]{12}$/);
    expect(name({ ...SECRETS, secretAccessKey: 'other-password' })).not.toBe(name(SECRETS));
    // The same password under another cluster secret has another name: whoever does not know that secret cannot try passwords.
    expect(name({ ...SECRETS, clusterSecret: 'd2'.repeat(32) })).not.toBe(name(SECRETS));
  });

  test('readable by the storage node alone', () => {
    const service = serviceOf(stackOf(FOUR_NODES), 'four-a1');
    expect(service.secrets).toEqual(['cluster-secret', 'root-password', 'root-user']);
    expect(service.secretsOwner).toEqual({ uid: '10001', gid: '10001' });
  });
});

describe('other engines', () => {
  test('get the volumes of the plan, in its order, and mount what these name', () => {
    const plan = planOf(`${SIX_NODES}engine: rustfs\n`);
    const volumes = plan.layout?.kind === 'sets' ? plan.layout.volumes : [];
    expect(volumes).toHaveLength(6);
    const service = serviceOf(stackOf(`${SIX_NODES}engine: rustfs\n`), 'six-b1');
    expect(service.args).toEqual(volumes);
    expect(service.environment.RUSTFS_VOLUMES).toBe(volumes.join(' '));
    expect(service.mounts[0]).toEqual({ kind: 'bind', source: '/mnt/d1', target: '/data/d1' });
    expect(service.health).toEqual({ kind: 'none' });
  });
});

describe('an image of Docker’s own registry is written as the engine reports it', () => {
  const digest = IMAGE.slice(IMAGE.indexOf('@'));
  for (const [given, reported] of [
    ['docker.io/minio/minio', 'minio/minio'],
    ['docker.io/library/haproxy', 'haproxy'],
    ['registry.example.com:5000/x/y:v1', 'registry.example.com:5000/x/y:v1'],
  ] as const) {
    test(given, () => {
      expect(stackOf(FOUR_NODES, { image: given + digest }).services[0]!.image).toBe(reported + digest);
    });
  }
});

describe('refused before anything is touched is', () => {
  const cases: readonly (readonly [what: string, yaml: string, settings: Record<string, unknown>, words: string[]])[] =
    [
      [
        'an unsafe plan, with what would hold',
        'erasure: 4+2\nzones: {a: 1, b: 1}\ndrives: 3\nsurvive: zone\n',
        {},
        ['the plan is not safe', 'what would hold'],
      ],
      [
        'a node that the spec has not',
        FOUR_NODES,
        { nodes: { e1: {} }, founders: ['x1'] },
        ['nodes names e1', 'founders names x1'],
      ],
      [
        'a host network without addresses',
        FOUR_NODES,
        { network: { mode: 'host' } },
        ['node a1 has no address', 'node d1 has no address'],
      ],
      [
        'a subnet that is none',
        FOUR_NODES,
        { network: { mode: 'overlay', subnet: '10.86.0.7/24' } },
        ['write 10.86.0.0/24'],
      ],
      [
        'a subnet that is too small',
        SIX_NODES,
        { network: { mode: 'overlay', subnet: '10.86.0.0/29' } },
        ['has 5 addresses, and 12'],
      ],
      [
        'an MTU that leaves nothing',
        FOUR_NODES,
        { network: { mode: 'overlay', linkMtu: 1300 } },
        ['leaves 1250 bytes'],
      ],
      [
        'a balancer on the port of a node',
        FOUR_NODES,
        { balancer: { image: IMAGE, port: 9000 } },
        ['node a1 has it on its host'],
      ],
      [
        'a variable that the stack sets',
        FOUR_NODES,
        { environment: { ASHLAR_LISTEN: 'x' } },
        ['ASHLAR_LISTEN is set by the stack itself'],
      ],
      [
        'a reservation beyond the limit',
        FOUR_NODES,
        { resources: { memoryLimit: '1GiB', memoryReservation: '2GiB' } },
        ['more memory is reserved'],
      ],
      ['a cluster that nobody could ask', FOUR_NODES, { publish: false }, ['gate.endpoints is missing']],
      [
        'a name too long for Docker',
        `name: ${'x'.repeat(40)}\n${FOUR_NODES.replace('name: four\n', '')}`,
        {},
        ['may have 36 letters'],
      ],
      [
        'two nodes on one machine',
        'erasure: 2+2\nnodes:\n' +
          ['a', 'b', 'c', 'd']
            .map((zone) => `  ${zone}1: {zone: ${zone}, address: "10.0.0.1:90${zone.charCodeAt(0) - 87}", drives: 1}\n`)
            .join(''),
        {},
        ['have the same address 10.0.0.1'],
      ],
    ];
  for (const [what, yaml, settings, words] of cases) {
    test(what, () => {
      const message = refusalOf(() => stackOf(yaml, settings));
      for (const word of words) expect(message).toContain(word);
    });
  }

  test('a cluster without secrets', () => {
    expect(refusalOf(() => stackOf(FOUR_NODES, {}, null))).toContain('"ashlar swarm secrets" makes them, once');
  });

  test('everything that is wrong with the settings, at once', () => {
    const message = refusalOf(() =>
      parseSwarmSettings({ image: 'ashlar:latest', publishs: true, startPeriod: 'soon' }, 'it'),
    );
    expect(message).toContain('image: is no image with a digest');
    expect(message).toContain('publishs');
    expect(message).toContain('startPeriod: is no duration');
    expect(refusalOf(() => parseSwarmSettings({}, 'it'))).toContain('image: is missing; write REGISTRY/NAME@sha256:');
  });
});
