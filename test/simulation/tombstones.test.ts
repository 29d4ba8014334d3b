// Deleted registers are forgotten once every replica knows of the deletion, and what was deleted never comes back: not from a
// replica that was away, not with a message that was on its way.
import { describe, expect, it } from 'vitest';
import { REGISTER_METHODS } from '../../node/cluster/register-methods.ts';
import { objectKey, type RegisterKey } from '../../node/core/keys.ts';
import { encodeCommand } from '../../node/format/object-command-formats.ts';
import type { DriveStore } from '../../node/storage/drive-store.ts';
import { body, bytesOf, NO_CONDITIONS, NO_METADATA, readAll } from '../cluster-fakes/bodies.ts';
import { SimCluster } from './cluster.ts';
import { heldRegisters } from './held-registers.ts';
import { SmallLimitsProgram } from './small-limits-program.ts';

const SHAPE = { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 1, scheme: '2+2', driveBytes: 2 ** 30 };
const LIMITS = {
  tombstoneIntervalMs: 20_000,
  tombstoneGraceMs: 10_000,
  tombstoneWalkMs: 600_000,
  condemnedDelayMs: 2_000,
};
/** Several passes. */
const LONG_MS = 120_000;

class World {
  readonly cluster = new SimCluster(1, SHAPE, (surroundings) => new SmallLimitsProgram(surroundings, LIMITS));
  bucketId = '';

  async start(): Promise<this> {
    await this.cluster.startAll(60_000);
    this.bucketId = (await this.run(this.store().createBucket('bucket'))).id;
    return this;
  }

  program(name = 'a1'): SmallLimitsProgram {
    return this.cluster.machine(name).program!;
  }

  store(name = 'a1') {
    return this.program(name).serving.store;
  }

  run<T>(work: Promise<T>): Promise<T> {
    return this.cluster.scheduler.runToEnd('a request', work, 120_000);
  }

  pass(durationMs: number): Promise<void> {
    return this.cluster.scheduler.runFor(durationMs);
  }

  put(key: string, sizeBytes = 3_000): Promise<unknown> {
    return this.run(this.store().putObject('bucket', key, body(bytesOf(sizeBytes)), NO_METADATA, NO_CONDITIONS));
  }

  remove(key: string): Promise<void> {
    return this.run(this.store().deleteObject('bucket', key, NO_CONDITIONS));
  }

  async get(key: string, node = 'a1'): Promise<Buffer | string> {
    const read = async () => readAll(await this.store(node).getObject('bucket', key));
    return this.run(read().catch((error: { code: string }) => error.code));
  }

  key(name: string): RegisterKey {
    return objectKey(this.bucketId, name);
  }

  drives(): DriveStore[] {
    return this.cluster.machines.flatMap(({ program }) => program?.node.member.drives.open() ?? []);
  }

  /** The drives that hold a record of the object's register. */
  async holders(name: string): Promise<string[]> {
    const found: string[] = [];
    for (const drive of this.drives()) {
      if ((await this.run(drive.get(`R${this.key(name)}`))) !== null) found.push(drive.identity.slot);
    }
    return found;
  }

  /** The node that proposes for the object's register. */
  proposerOf(name: string): string {
    const { groups } = this.program().serving.running;
    return groups.proposer(groups.groupOf(this.key(name)));
  }
}

describe('a deleted object', () => {
  it('leaves no record behind, and what is there stays', async () => {
    const world = await new World().start();
    for (let at = 0; at < 20; at++) await world.put(`key${at}`, at % 2 === 0 ? 3_000 : 30_000);
    for (let at = 0; at < 15; at++) await world.remove(`key${at}`);
    expect(await world.holders('key0')).toHaveLength(4);
    await world.pass(LONG_MS);
    for (let at = 0; at < 15; at++) expect(await world.holders(`key${at}`)).toEqual([]);
    for (let at = 0; at < 20; at++) {
      const expected = at < 15 ? 'NoSuchKey' : bytesOf(at % 2 === 0 ? 3_000 : 30_000);
      expect(await world.get(`key${at}`, 'c1')).toEqual(expected);
    }
    const status = await world.run(world.program().serving.status.whole());
    expect(status).toMatchObject({ health: 'healthy' });
  });

  it('can be written again and deleted again, for ever', async () => {
    const world = await new World().start();
    for (let round = 0; round < 4; round++) {
      await world.put('key', 1_000 + round);
      expect(await world.get('key', 'b1')).toEqual(bytesOf(1_000 + round));
      await world.remove('key');
      await world.pass(LONG_MS);
      expect(await world.holders('key')).toEqual([]);
      expect(await world.get('key')).toBe('NoSuchKey');
    }
  });

  it('is remembered as long as a replica is away, and does not come back with it', async () => {
    const world = await new World().start();
    await world.put('key');
    await world.pass(5_000);
    world.cluster.machine('d1').kill();
    await world.pass(10_000);
    await world.remove('key');
    await world.pass(LONG_MS);
    expect(await world.holders('key')).toEqual(['a1/d1', 'b1/d1', 'c1/d1']);
    world.cluster.machine('d1').start();
    for (let looks = 0; looks < 100; looks++) {
      await world.pass(1_000);
      expect(await world.get('key')).toBe('NoSuchKey');
    }
    expect(await world.holders('key')).toEqual([]);
    for (const name of ['a1', 'b1', 'c1', 'd1']) expect(await world.get('key', name)).toBe('NoSuchKey');
  });

  it('survives the restart of everybody as deleted', async () => {
    const world = await new World().start();
    await world.put('key');
    await world.remove('key');
    await world.pass(LONG_MS);
    for (const machine of world.cluster.machines) machine.cutPower();
    await world.cluster.startAll(60_000);
    await world.pass(10_000);
    expect(await world.get('key')).toBe('NoSuchKey');
    await world.put('key');
    expect(await world.get('key', 'd1')).toEqual(bytesOf(3_000));
  });
});

it('a deletion that nobody remembers is found by a walk over all registers', async () => {
  const world = await new World().start();
  for (const key of ['one', 'two', 'kept']) await world.put(key);
  for (const key of ['one', 'two']) await world.remove(key);
  for (const machine of world.cluster.machines) machine.kill();
  await world.cluster.startAll(60_000);
  await world.pass(LONG_MS);
  expect(await world.holders('one')).toHaveLength(4);
  await world.pass(LIMITS.tombstoneWalkMs);
  for (const key of ['one', 'two']) expect(await world.holders(key)).toEqual([]);
  expect(await world.get('kept')).toEqual(bytesOf(3_000));
});

describe('a message that was on its way while a register was forgotten', () => {
  it('does not carry its change out for the second time, whoever proposes', async () => {
    const world = await new World().start();
    const key = world.key('key');
    const version = {
      versionId: 'ab'.repeat(16),
      modifiedMs: 1,
      sizeBytes: 4,
      etag: 'etag',
      checksums: {},
      checksumType: null,
      headers: {},
      user: {},
      uploadId: null,
      content: { inline: Buffer.from('late'), blob: null },
      parts: [],
    };
    const command = encodeCommand('putObject', { ifMatch: [], ifNoneMatch: [], version });
    const { rpc, running } = world.program().node.member;
    const request = { key, asker: '0123456789abcdef', number: 1, first: 1, command };
    const generation = running.generations.known;
    const ask = (node: string) => world.run(rpc.call(node, REGISTER_METHODS.change, { ...request, generation }));
    await ask(world.proposerOf('key'));
    expect(await world.get('key')).toEqual(Buffer.from('late'));
    await world.remove('key');
    await world.pass(LONG_MS);
    expect(await world.holders('key')).toEqual([]);
    for (const node of ['a1', 'b1', 'c1', 'd1']) await expect(ask(node)).rejects.toMatchObject({ code: 'stale' });
    expect(await world.get('key')).toBe('NoSuchKey');
  });

  it('does not teach a replica what was deleted, nor have it accept what was proposed', async () => {
    const world = await new World().start();
    await world.put('key');
    const { running } = world.program('b1').node.member;
    const replica = running.replicas.get('b1/d1');
    const { topology, generations } = running;
    const partition = topology.current().partitionOf(world.key('key'));
    const generation = generations.known;
    const [before] = await world.run(heldRegisters(world.program('b1').node.member, 'b1/d1', world.key('key'), ''));
    const { version, value } = before!;
    await world.remove('key');
    await world.pass(LONG_MS);
    expect(await world.run(replica.learn([before!], generation))).toBe(null);
    const entries = [{ key: world.key('key'), sequence: version.sequence, value }];
    const group = { partition, ballot: version.ballot, chosenThrough: 0, entries };
    expect((await world.run(replica.accept([group])))[0]).toMatchObject({ accepted: false });
    expect(await world.holders('key')).toEqual([]);
  });

  it('nor, as a copy of the message that had it forgotten, does it take away what was written since', async () => {
    const world = await new World().start();
    await world.put('key');
    const { running } = world.program('b1').node.member;
    const replica = running.replicas.get('b1/d1');
    const key = world.key('key');
    const partition = running.topology.current().partitionOf(key);
    await world.remove('key');
    const [tombstone] = await world.run(heldRegisters(world.program('b1').node.member, 'b1/d1', key, ''));
    await world.pass(LONG_MS);
    const ballot = await world.run(replica.promised(partition));
    const forgetAgain = () => replica.forget(partition, ballot, 1, [{ key, version: tombstone!.version }]);
    const { value } = tombstone!;
    const entries = [{ key, sequence: 1_000, value: { ...value, live: true, payload: Buffer.from('new') } }];
    const [accepted] = await world.run(
      Promise.all([replica.accept([{ partition, ballot, chosenThrough: 0, entries }]), forgetAgain()]),
    );
    expect(accepted[0]).toMatchObject({ accepted: true });
    expect(await world.run(forgetAgain())).toBe(false);
    const [held] = await world.run(heldRegisters(world.program('b1').node.member, 'b1/d1', key, ''));
    expect(Buffer.from(held!.value.payload).toString()).toBe('new');
  });

  it('and a change that is new is taken at once, by a node that has not heard of the new generation', async () => {
    const world = await new World().start();
    await world.put('key');
    await world.remove('key');
    await world.pass(LONG_MS);
    world.cluster.machine('c1').kill();
    world.cluster.machine('c1').start();
    await world.cluster.untilAllReady(60_000);
    await world.run(world.store('c1').putObject('bucket', 'key', body(bytesOf(77)), NO_METADATA, NO_CONDITIONS));
    expect(await world.get('key')).toEqual(bytesOf(77));
  });
});

it('a register that only some replicas forgot is deleted for everybody, and forgotten by all later', async () => {
  const world = await new World().start();
  await world.put('key');
  await world.remove('key');
  const [drive] = world.drives().filter(({ identity }) => identity.slot === 'c1/d1');
  const { commit } = { commit: drive!.commit.bind(drive) };
  let failures = 0;
  drive!.commit = async (operations) => {
    const isForgetting = operations.some(({ kind, key }) => kind === 'delete' && key === `R${world.key('key')}`);
    if (isForgetting && failures++ < 2) throw new Error('this replica does not forget, as the test says');
    return commit(operations);
  };
  for (let looks = 0; looks < LONG_MS / 1_000; looks++) {
    await world.pass(1_000);
    expect(await world.get('key')).toBe('NoSuchKey');
  }
  await world.pass(LONG_MS);
  expect(failures).toBeGreaterThan(2);
  expect(await world.holders('key')).toEqual([]);
});
