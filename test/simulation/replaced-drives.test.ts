// What was found about drives that take the place of lost ones, one scenario each. The name says what went wrong.
import { describe, expect, it } from 'vitest';
import { KIND } from '../../node/core/keys.ts';
import { UNCONDITIONAL } from './checkers/object-model.ts';
import { shardProblems } from './checkers/storage-state.ts';
import { SimCluster } from './cluster.ts';
import { bodyOf } from './labelled-bodies.ts';
import { BODY_SIZES, NodeProgram } from './node-program.ts';
import { RegisterProgram } from './register-program.ts';
import { untilNoReplicaIsBehind } from './replicas-caught-up.ts';

describe('of replaced drives was found that', () => {
  const SHAPE = { zones: { a: 1, b: 1, c: 1 }, drivesPerNode: 1, scheme: '2+1', driveBytes: 2 ** 30 };
  const SLOT = 'b1/d1';

  async function withLostDrive(): Promise<SimCluster<RegisterProgram>> {
    const cluster = new SimCluster(1, SHAPE, (surroundings) => new RegisterProgram(surroundings));
    await cluster.startAll(60_000);
    const { target } = cluster.machine('a1').program!;
    await cluster.scheduler.runToEnd('a value', target.put('key', 'v1', UNCONDITIONAL), 10_000);
    await loseDrive(cluster);
    return cluster;
  }

  async function loseDrive(cluster: SimCluster<RegisterProgram>): Promise<void> {
    const machine = cluster.machine('b1');
    if (machine.isUp) machine.kill();
    machine.replaceDrive(SLOT);
    machine.start();
    await untilServing(cluster);
  }

  async function untilServing({ scheduler, machines }: SimCluster<RegisterProgram>): Promise<void> {
    await scheduler.runUntil('all serve', () => machines.every(({ program }) => program?.serves() === true), 60_000);
  }

  function replace(cluster: SimCluster<RegisterProgram>): Promise<string> {
    const replacement = cluster.machine('a1').program!.member.replaceDrive(SLOT);
    const answer = replacement.then(() => 'replaced', String);
    return cluster.scheduler.runToEnd('the replacement', answer, 60_000);
  }

  const isVoting = (cluster: SimCluster<RegisterProgram>) =>
    cluster.machine('b1').program!.member.running.replicas.slots().includes(SLOT);

  const isUp = (cluster: SimCluster<RegisterProgram>) =>
    cluster.machine('a1').program!.member.running.topology.current().drive(SLOT)!.state === 'up';

  it('a drive voted without the promises of the lost one, because a peer was restarted while it asked for them', async () => {
    const cluster = await withLostDrive();
    const { scheduler } = cluster;
    const { running } = cluster.machine('b1').program!.member;
    const { takePromises } = running;
    const held = Promise.withResolvers<void>();
    Object.assign(running, { takePromises: (slot: string) => held.promise.then(() => takePromises(slot)) });
    expect(await replace(cluster)).toBe('replaced');
    cluster.machine('c1').kill();
    cluster.machine('c1').start();
    await scheduler.runFor(10_000);
    expect(isVoting(cluster)).toBe(false);
    expect(isUp(cluster)).toBe(false);
    held.resolve();
    await scheduler.runUntil('it is up', () => isUp(cluster), 20_000);
    expect(isVoting(cluster)).toBe(true);
    await untilNoReplicaIsBehind(cluster);
  });

  it('a drive voted, blank as it was, after a crash between its identity and the mark that it is joining', async () => {
    const cluster = await withLostDrive();
    const { scheduler } = cluster;
    const { drives } = cluster.machine('b1').program!.member;
    const isFormatted = Promise.withResolvers<void>();
    Object.assign(drives, {
      mark: () => {
        isFormatted.resolve();
        return new Promise(() => {});
      },
    });
    void cluster
      .machine('a1')
      .program!.member.replaceDrive(SLOT)
      .catch(() => {});
    await scheduler.runToEnd('the formatting', isFormatted.promise, 10_000);
    cluster.machine('b1').kill();
    cluster.machine('b1').start();
    await untilServing(cluster);
    expect(isVoting(cluster)).toBe(false);
    // A peer that had not heard of the new map yet made the drive look like one that another has replaced.
    if (cluster.machine('b1').program!.member.driveProblem(SLOT) !== null)
      expect(await replace(cluster)).toBe('replaced');
    await scheduler.runUntil('it is up', () => isUp(cluster), 20_000);
    await untilNoReplicaIsBehind(cluster);
  });

  it('a drive whose formatting failed kept an id that nothing could use, until somebody wiped it', async () => {
    for (const fault of ['writeErrorChance', 'syncErrorChance'] as const) {
      for (const failsAtMs of [0, 2, 3, 4, 5, 6, 8]) {
        const cluster = await withLostDrive();
        const [disk] = cluster.machine('b1').drives;
        cluster.scheduler.after(failsAtMs, 'the disk fails', () => Object.assign(disk!.faults, { [fault]: 1 }));
        const first = await replace(cluster);
        disk!.faults[fault] = 0;
        // A disk that failed while it was being written is left alone by its process.
        if (first !== 'replaced') await replace(cluster);
        await cluster.scheduler.runFor(1_000);
        if (!isUp(cluster)) {
          cluster.machine('b1').kill();
          cluster.machine('b1').start();
          await untilServing(cluster);
          await replace(cluster);
        }
        await cluster.scheduler.runUntil(`up again (${fault} at ${failsAtMs})`, () => isUp(cluster), 20_000);
        await untilNoReplicaIsBehind(cluster);
      }
    }
  });

  it('a drive whose formatting was cut short was refused for ever when the map had moved on to another id', async () => {
    const cluster = await withLostDrive();
    const { scheduler } = cluster;
    const { member } = cluster.machine('b1').program!;
    const drive = member.drives.get(SLOT)!;
    if (drive.kind !== 'blank') throw new Error(`the drive is ${drive.kind}`);
    const { clusterId } = member.running.topology.current().map;
    await scheduler.runToEnd('formatting', drive.format({ clusterId, driveId: '5'.repeat(32), slot: SLOT }), 1_000);
    cluster.machine('b1').kill();
    cluster.machine('b1').start();
    await untilServing(cluster);
    expect(cluster.machine('b1').program!.member.driveProblem(SLOT)).toContain('blank');
    expect(await replace(cluster)).toBe('replaced');
    await scheduler.runUntil('it is up', () => isUp(cluster), 20_000);
    await untilNoReplicaIsBehind(cluster);
  });
});

it('a body was left without a shard, and all called healthy, when a drive was replaced before a register owned it', async () => {
  const shape = { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 1, scheme: '2+2', driveBytes: 2 ** 30 };
  const cluster = new SimCluster(1, shape, (surroundings) => new NodeProgram(surroundings));
  const { scheduler } = cluster;
  await cluster.startAll(60_000);
  const writer = cluster.machine('a1').program!;
  const helper = cluster.machine('c1').program!;
  await scheduler.runToEnd('the bucket', writer.target.prepare(), 10_000);
  const { registers } = writer.member.running;
  const { change } = registers;
  const isPlaced = Promise.withResolvers<void>();
  const mayOwn = Promise.withResolvers<void>();
  Object.assign(registers, {
    change: async (key: string, command: Uint8Array) => {
      if (key[0] !== KIND.object) return change(key, command);
      isPlaced.resolve();
      await mayOwn.promise;
      return change(key, command);
    },
  });
  const value = ['v1', 'v2', 'v3', 'v4', 'v5', 'v6'].find((label) => bodyOf(label, BODY_SIZES).length > 20_000)!;
  const answer = writer.target.put('key', value, UNCONDITIONAL);
  await scheduler.runToEnd('the shards', isPlaced.promise, 10_000);
  const machine = cluster.machine('b1');
  machine.kill();
  machine.replaceDrive('b1/d1');
  machine.start();
  await scheduler.runUntil('it serves', () => machine.program?.serves() === true, 60_000);
  await scheduler.runToEnd('the replacement', helper.member.replaceDrive('b1/d1'), 60_000);
  const health = async () => (await scheduler.runToEnd('status', helper.objects.status(), 10_000)).health;
  while ((await health()) !== 'healthy') await scheduler.runFor(200);
  mayOwn.resolve();
  expect(await scheduler.runToEnd('the answer', answer, 60_000)).toBe('done');
  expect(await health()).toBe('healing');
  while ((await health()) !== 'healthy') await scheduler.runFor(200);
  const members = cluster.machines.map(({ program }) => program!.member);
  expect((await scheduler.runToEnd('a look', shardProblems(members), 10_000)).missing).toEqual([]);
});
