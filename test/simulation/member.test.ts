// Founding, registers, map and catch-up of a whole cluster over simulated time and network, with drives in memory: what must
// hold of the protocol before anything is built on it.
import { expect, test } from 'vitest';
import type { LocalDrive } from '../../node/cluster/local-drives.ts';
import { Member } from '../../node/cluster/member.ts';
import type { Decision, RegisterState, ScanPage } from '../../node/cluster/registers.ts';
import { decide } from '../../node/core/decide.ts';
import type { FoundingStep } from '../../node/core/founding.ts';
import { helloFormat } from '../../node/format/membership-formats.ts';
import type { DriveIdentity } from '../../node/storage/drive-store.ts';
import { MemoryDrive } from '../cluster-fakes/memory-drive.ts';
import { heldRegisters } from './held-registers.ts';
import { Scheduler } from './scheduler.ts';
import { SimClock } from './sim-clock.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';

/** Objects' registers hold a list of words; the command is a word to append. Keys of maps go to the real decide. */
function appendWord(key: string, current: RegisterState, command: Uint8Array): Decision {
  if (key === 'c') return decide(key, current, command);
  const before = current.payload === null ? '' : Buffer.from(current.payload).toString();
  const payload = Buffer.from(`${before}${Buffer.from(command).toString()} `);
  return { kind: 'write', payload, live: true, reply: payload };
}

interface SimMember {
  host: SimHost;
  member: Member;
  steps: FoundingStep[];
  problems: string[];
}

class World {
  readonly scheduler = new Scheduler();
  readonly random: SimRandom;
  readonly network: SimNetwork;
  readonly members = new Map<string, SimMember>();
  readonly disks = new Map<string, MemoryDrive>();
  readonly zones: string[];

  constructor(seed: number, zones = ['a', 'b', 'c', 'd']) {
    this.zones = zones;
    this.random = new SimRandom(String(seed));
    this.network = new SimNetwork({ scheduler: this.scheduler, random: this.random.split('net') });
  }

  get endpoints(): string[] {
    return this.zones.flatMap((zone) => [`http://${zone}1:9000/d1`, `http://${zone}1:9000/d2`]);
  }

  start(zone: string, settings: { scheme?: string; endpoints?: string[] } = {}): SimMember {
    const name = `${zone}1`;
    const host = new SimHost(name, this.scheduler);
    const drives = ['d1', 'd2'].map((drive): LocalDrive => {
      const slot = `${name}/${drive}`;
      const store = this.disks.get(slot);
      if (store !== undefined) return { kind: 'open', slot, store };
      return {
        kind: 'blank',
        slot,
        format: async (identity: DriveIdentity) => {
          const made = new MemoryDrive(identity);
          this.disks.set(slot, made);
          return made;
        },
      };
    });
    const steps: FoundingStep[] = [];
    const problems: string[] = [];
    const clock = new SimClock(host);
    const member = new Member({
      name,
      zone,
      scheme: settings.scheme ?? '4+2',
      endpoints: settings.endpoints ?? this.endpoints,
      addresses: this.zones.map((z) => `http://${z}1:9000`),
      drives,
      network: this.network.attach(host),
      introductions: {
        probe: async (address) => {
          const peer = this.members.get(address.slice(7, -5));
          if (peer === undefined || !peer.host.alive) throw new Error('nobody answers');
          await new Promise<void>((resolve) => host.after(1, 'probe', resolve));
          return { name: address.slice(7, -5), hello: helloFormat.encode(peer.member.hello()) };
        },
      },
      clock,
      random: this.random.split(`${name}@${this.scheduler.nowMs}`),
      decide: appendWord,
      summarize: (_, payload) => payload,
      observer: {
        step: (step) => steps.push(step),
        map: () => {},
        problem: (what, error) => problems.push(`${what}: ${error}`),
        revived: () => {},
        newLife: () => {},
      },
    });
    const entry = { host, member, steps, problems };
    this.members.set(name, entry);
    member.start().catch((error) => problems.push(`start: ${error}`));
    return entry;
  }

  async startAll(): Promise<void> {
    for (const zone of this.zones) this.start(zone);
    await this.scheduler.runUntil(
      'all members ready',
      () => [...this.members.values()].every(({ member }) => member.ready()),
      60_000,
    );
  }

  member(name: string): Member {
    return this.members.get(name)!.member;
  }

  run<T>(what: string, work: Promise<T>): Promise<T> {
    return this.scheduler.runToEnd(what, work, 120_000);
  }
}

const append = (member: Member, key: string, word: string) => member.running.registers.change(key, Buffer.from(word));
const read = async (member: Member, key: string) =>
  Buffer.from((await member.running.registers.read(key)).payload ?? []).toString();

test('four blank nodes found one cluster, and a change made through one node is read through every other', async () => {
  const world = new World(1);
  await world.startAll();
  const maps = [...world.members.values()].map(({ member }) => member.running.topology.current().map);
  expect(new Set(maps.map((map) => map.clusterId)).size).toBe(1);
  expect(maps[0]!.drives).toHaveLength(8);
  await world.run('change', append(world.member('a1'), 'o-key', 'one'));
  await world.run('change', append(world.member('c1'), 'o-key', 'two'));
  for (const { member } of world.members.values()) {
    expect(await world.run('read', read(member, 'o-key'))).toBe('one two ');
  }
});

test('with one node killed, changes and reads go on, and the map calls its drives down', async () => {
  const world = new World(2);
  await world.startAll();
  for (let i = 0; i < 40; i++) await world.run('change', append(world.member('a1'), `o${i}`, 'before'));
  world.members.get('b1')!.host.kill();
  for (let i = 0; i < 40; i++) await world.run('change', append(world.member('a1'), `o${i}`, 'after'));
  for (let i = 0; i < 40; i++) expect(await world.run('read', read(world.member('c1'), `o${i}`))).toBe('before after ');
  const isDown = () =>
    world
      .member('d1')
      .running.topology.current()
      .map.drives.filter((drive) => drive.state === 'down');
  await world.scheduler.runUntil('b1 down in the map', () => isDown().length === 2, 20_000);
  expect(isDown().map((drive) => drive.slot)).toEqual(['b1/d1', 'b1/d2']);
});

test('a node that was away catches up: then its own replicas hold every register, and another node may die', async () => {
  const world = new World(3);
  await world.startAll();
  for (let i = 0; i < 60; i++) await world.run('change', append(world.member('a1'), `o${i}`, 'x'));
  world.members.get('b1')!.host.kill();
  for (let i = 0; i < 60; i++) await world.run('change', append(world.member('a1'), `o${i}`, 'y'));
  await world.scheduler.runFor(5_000);
  world.start('b');
  const isUp = () =>
    world.member('b1').joined &&
    world
      .member('b1')
      .running.topology.current()
      .map.drives.every((drive) => drive.state === 'up');
  await world.scheduler.runUntil('b1 up again', () => world.member('b1').ready() && isUp(), 60_000);
  for (const slot of ['b1/d1', 'b1/d2']) {
    const mine = await world.run('scan', heldRegisters(world.member('b1'), slot, 'o', 'p'));
    for (const { key, value } of mine) expect([key, Buffer.from(value.payload).toString()]).toEqual([key, 'x y ']);
    expect(mine.length).toBeGreaterThan(10);
  }
  world.members.get('c1')!.host.kill();
  for (let i = 0; i < 60; i++) expect(await world.run('read', read(world.member('b1'), `o${i}`))).toBe('x y ');
});

test('a wiped drive is named, and takes part again only after it was replaced by name and has caught up', async () => {
  const world = new World(4);
  await world.startAll();
  for (let i = 0; i < 60; i++) await world.run('change', append(world.member('a1'), `o${i}`, 'x'));
  world.members.get('b1')!.host.kill();
  world.disks.delete('b1/d1');
  await world.scheduler.runFor(5_000);
  world.start('b');
  await world.scheduler.runUntil('b1 ready', () => world.member('b1').ready(), 60_000);
  expect(world.member('b1').driveProblem('b1/d1')).toContain('blank');
  await world.run('replacement', world.member('a1').replaceDrive('b1/d1'));
  const state = () => world.member('a1').running.topology.current().drive('b1/d1')!.state;
  await world.scheduler.runUntil('b1/d1 up', () => state() === 'up', 60_000);
  const mine = await world.run('scan', heldRegisters(world.member('b1'), 'b1/d1', 'o', 'p'));
  expect(mine.length).toBeGreaterThan(10);
  for (const { value } of mine) expect(Buffer.from(value.payload).toString()).toBe('x ');
});

test('drives that were replaced and are put back with the old map that they hold are refused, and do not vote', async () => {
  const world = new World(8);
  await world.startAll();
  const slots = ['b1/d1', 'b1/d2'];
  const restart = async (disks: ReadonlyMap<string, MemoryDrive>) => {
    world.members.get('b1')!.host.kill();
    await world.scheduler.runFor(5_000);
    for (const slot of slots) world.disks.delete(slot);
    for (const [slot, disk] of disks) world.disks.set(slot, disk);
    world.start('b');
    await world.scheduler.runUntil('b1 has joined', () => world.member('b1').joined, 60_000);
    await world.scheduler.runFor(5_000);
  };
  const old = new Map(slots.map((slot) => [slot, world.disks.get(slot)!]));
  await restart(new Map());
  for (const slot of slots) await world.run('replacement', world.member('a1').replaceDrive(slot));
  const isUp = (slot: string) => world.member('a1').running.topology.current().drive(slot)!.state === 'up';
  await world.scheduler.runUntil('both are up', () => slots.every(isUp), 60_000);
  await restart(old);
  for (const slot of slots) expect(world.member('b1').driveProblem(slot)).toContain('which was replaced by');
  expect(world.member('b1').running.replicas.slots()).toEqual([]);
});

test('a scan in pages gives every live register once, in order, also while a node is away', async () => {
  const world = new World(5);
  await world.startAll();
  const keys = Array.from({ length: 150 }, (_, i) => `o${String(i).padStart(3, '0')}`);
  await world.run('changes', Promise.all(keys.map((key) => append(world.member('a1'), key, 'x'))));
  world.members.get('d1')!.host.kill();
  const seen: string[] = [];
  let from: string | null = 'o';
  while (from !== null) {
    const page: ScanPage = await world.run('scan', world.member('b1').running.registers.scan(from, 'p', 40));
    expect(page.entries.length).toBeLessThanOrEqual(40);
    seen.push(...page.entries.map((entry) => entry.key));
    from = page.next;
  }
  expect(seen).toEqual(keys);
});

test('two nodes with different schemes or lists found nothing, and each difference is named', async () => {
  const world = new World(6);
  for (const zone of ['a', 'b', 'c']) world.start(zone);
  const d = world.start('d', { scheme: '2+2', endpoints: world.endpoints.slice(0, 6) });
  await world.scheduler.runFor(5_000);
  const last = d.steps.at(-1)!;
  expect(last.kind).toBe('conflict');
  expect(last.kind === 'conflict' && last.problems.join('\n')).toContain(
    'a1 was started with --scheme 4+2 and d1 with --scheme 2+2',
  );
  expect(last.kind === 'conflict' && last.problems.join('\n')).toContain(
    'only the first has http://d1:9000/d1, http://d1:9000/d2',
  );
  expect(world.disks.size).toBe(0);
});

test('no node founds anything before every listed node is there', async () => {
  const world = new World(7);
  for (const zone of ['a', 'b', 'c']) world.start(zone);
  await world.scheduler.runFor(10_000);
  expect(world.disks.size).toBe(0);
  expect(world.members.get('a1')!.steps.at(-1)).toEqual({ kind: 'wait', reason: 'waiting for http://d1:9000' });
  world.start('d');
  await world.scheduler.runUntil(
    'all ready',
    () => [...world.members.values()].every(({ member }) => member.ready()),
    60_000,
  );
  expect(world.disks.size).toBe(8);
});

test('a node whose drives are all of another cluster with the same secret is let in nowhere, and both sides say why', async () => {
  const world = new World(9);
  const other = new World(10);
  await world.startAll();
  await other.startAll();
  const clusterOf = (w: World) => w.member('b1').running.topology.current().map.clusterId;
  world.members.get('a1')!.host.kill();
  for (const slot of ['a1/d1', 'a1/d2']) world.disks.set(slot, other.disks.get(slot)!);
  const stranger = world.start('a');
  await world.scheduler.runFor(10_000);
  expect(stranger.member.ready()).toBe(false);
  for (const { problems } of [stranger, world.members.get('c1')!]) {
    expect(problems.filter((problem) => problem.includes('has the drives of another cluster'))).not.toEqual([]);
  }
  const { map } = world.member('b1').running.topology.current();
  expect(map.clusterId).toBe(clusterOf(world));
  expect(map.drives.filter(({ state }) => state === 'down').map(({ slot }) => slot)).toEqual(['a1/d1', 'a1/d2']);
  for (const slot of ['a1/d1', 'a1/d2']) {
    expect(world.disks.get(slot)!.identity.clusterId).toBe(clusterOf(other));
  }
});
