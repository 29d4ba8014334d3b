// What simulation has found, one scenario each, in the smallest world that shows it. The name says what went wrong.
import { describe, expect, it } from 'vitest';
import { Acceptor } from '../../node/cluster/acceptor.ts';
import { HealQueue, type ShardHint } from '../../node/cluster/heal-queue.ts';
import { method, Rpc } from '../../node/cluster/rpc.ts';
import type { Ballot } from '../../node/core/ballot.ts';
import { KIND } from '../../node/core/keys.ts';
import { format, text } from '../../node/format/codec.ts';
import { DiskError } from '../../node/io/disk.ts';
import type { DriveStore, StoreOperation } from '../../node/storage/drive-store.ts';
import { MemoryDrive } from '../cluster-fakes/memory-drive.ts';
import { UNCONDITIONAL } from './checkers/object-model.ts';
import { SimCluster } from './cluster.ts';
import { RegisterProgram } from './register-program.ts';
import { untilNoReplicaIsBehind } from './replicas-caught-up.ts';
import { Scheduler } from './scheduler.ts';
import { SimClock } from './sim-clock.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';

const message = format('Message', 1, { words: [text, 'anything'] });
const ECHO = method(1, 'echo', message, message);

describe('what simulation has found', () => {
  it('an answer to the process before was taken for the answer to the first request of the next', async () => {
    const scheduler = new Scheduler();
    const random = new SimRandom(1);
    const network = new SimNetwork({ scheduler, random });
    const start = (name: string, life: number) => {
      const host = new SimHost(name, scheduler);
      return { host, rpc: new Rpc(network.attach(host), new SimClock(host), random.split(`${name} ${life}`)) };
    };
    const held = Promise.withResolvers<void>();
    const server = start('b1', 1);
    server.rpc.handle(ECHO, async ({ words }) => {
      if (words === 'of the first') await held.promise;
      return { words };
    });
    const first = start('a1', 1);
    void first.rpc.call('b1', ECHO, { words: 'of the first' });
    await scheduler.runFor(100);
    first.host.kill();
    const second = start('a1', 2);
    network.setQuality('a1', 'b1', { ...network.quality, minMs: 1_000, meanMs: 1_000 });
    const answer = second.rpc.call('b1', ECHO, { words: 'of the second' });
    held.resolve();
    expect(await scheduler.runToEnd('the answer', answer, 10_000)).toEqual({ words: 'of the second' });
  });

  it('drives that were called down waited for each other: none could catch up before another was up', async () => {
    const shape = { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 2, scheme: '4+2', driveBytes: 2 ** 30 };
    const cluster = new SimCluster(1, shape, (surroundings) => new RegisterProgram(surroundings));
    await cluster.startAll(60_000);
    const map = () => cluster.machine('d1').program!.member.running.topology.current().map;
    const downNow = () =>
      map()
        .drives.filter(({ state }) => state === 'down')
        .map(({ slot }) => slot);
    const keeperCount = (name: string) => map().keepers.filter((slot) => slot.startsWith(name)).length;
    // The two that leave the most keepers behind, so that these can agree that both are down.
    const victims = cluster.machines
      .filter(({ name }) => name !== 'd1')
      .sort((x, y) => keeperCount(x.name) - keeperCount(y.name))
      .slice(0, 2);
    for (const victim of victims) victim.kill();
    await cluster.scheduler.runUntil('both are down in the map', () => downNow().length === 4, 20_000);
    for (const victim of victims) victim.start();
    await cluster.untilAllReady(60_000);
    await cluster.scheduler.runUntil('every drive is up in the map', () => downNow().length === 0, 60_000);
  });

  it('a value that was decided without its proposer knowing was never brought to the replica that missed it', async () => {
    const shape = { zones: { a: 1, b: 1, c: 1 }, drivesPerNode: 1, scheme: '2+1', driveBytes: 2 ** 30 };
    const cluster = new SimCluster(1, shape, (surroundings) => new RegisterProgram(surroundings));
    const { scheduler, network } = cluster;
    await cluster.startAll(60_000);
    const world = cluster.machine('a1').program!.member.running.topology.current();
    const [proposer, silent, absent] = world.replicas(world.partitionOf(`${KIND.object}key`)).map(({ node }) => node);
    const { target } = cluster.machine(proposer!).program!;
    await scheduler.runToEnd('a first value', target.put('key', 'v1', UNCONDITIONAL), 10_000);
    // One replica takes the next value and cannot say so, the other does not hear of it.
    network.cut(silent!, proposer!);
    network.cut(proposer!, absent!);
    const answer = target.put('key', 'v2', UNCONDITIONAL).catch((error) => error);
    await scheduler.runFor(1_000);
    network.mend(silent!, proposer!);
    await scheduler.runToEnd('the second value', answer, 60_000);
    network.heal();
    await untilNoReplicaIsBehind(cluster);
  });

  it('what a replica had missed was known to its proposer alone, and forgotten when that was restarted at once', async () => {
    const shape = { zones: { a: 1, b: 1, c: 1 }, drivesPerNode: 1, scheme: '2+1', driveBytes: 2 ** 30 };
    const cluster = new SimCluster(1, shape, (surroundings) => new RegisterProgram(surroundings));
    const { scheduler, network } = cluster;
    await cluster.startAll(60_000);
    const world = cluster.machine('a1').program!.member.running.topology.current();
    const [proposer, , absent] = world.replicas(world.partitionOf(`${KIND.object}key`)).map(({ node }) => node);
    const machine = cluster.machine(proposer!);
    network.cut(proposer!, absent!);
    await scheduler.runToEnd('the value', machine.program!.target.put('key', 'v1', UNCONDITIONAL), 10_000);
    machine.kill();
    machine.start();
    network.heal();
    await cluster.untilAllReady(60_000);
    await untilNoReplicaIsBehind(cluster);
  });

  it('a replica told the next proposer of nothing while it was still writing what it then told the last one that it has', async () => {
    const drive = new SlowDrive({ clusterId: 'c', driveId: 'd', slot: 'a1/d1' });
    const acceptor = acceptorOn(drive);
    const [last, next] = [1, 2].map((round) => ({ round, proposer: '0000000000000001' })) as [Ballot, Ballot];
    await acceptor.prepare(7, last);
    const value = { live: true, recent: [], payload: Buffer.from('v') };
    drive.hold();
    const entries = [{ key: 'okey', sequence: 1, value }];
    const accepting = acceptor.accept([{ partition: 7, ballot: last, chosenThrough: 0, entries }]);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    const promising = acceptor.prepare(7, next);
    for (let turn = 0; turn < 50; turn++) await Promise.resolve();
    expect(await acceptor.fetch(7, next, ['okey'], true)).toBeNull();
    drive.release();
    expect(await accepting).toMatchObject([{ accepted: true }]);
    expect(await promising).toMatchObject({ granted: true });
    const version = { ballot: last, sequence: 1 };
    expect(await acceptor.fetch(7, next, ['okey'], true)).toMatchObject([{ version, value }]);
  });

  it('a change that had nothing to do, and was asked for twice, was carried out by the one who had stood still', async () => {
    const shape = { zones: { a: 1, b: 1, c: 1 }, drivesPerNode: 1, scheme: '2+1', driveBytes: 2 ** 30 };
    const cluster = new SimCluster(1, shape, (surroundings) => new RegisterProgram(surroundings));
    const { scheduler } = cluster;
    await cluster.startAll(60_000);
    const world = cluster.machine('a1').program!.member.running.topology.current();
    const [proposer, ...others] = world.replicas(world.partitionOf(`${KIND.object}key`)).map(({ node }) => node);
    const { target } = cluster.machine(others[0]!).program!;
    cluster.machine(proposer!).pause(20_000);
    expect(await scheduler.runToEnd('a removal of nothing', target.remove('key', UNCONDITIONAL), 30_000)).toBe('done');
    for (let at = 0; at < 40; at++) {
      await scheduler.runToEnd('a value', target.put('key', `v${at}`, UNCONDITIONAL), 30_000);
    }
    await scheduler.runFor(30_000);
    expect(await scheduler.runToEnd('the value', target.get('key'), 30_000)).toBe('v39');
  });

  it('a stray copy was forgotten while its blob waited for its deletion, found again, and forgotten again', async () => {
    const scheduler = new Scheduler();
    const stray = { blobId: 'b', position: 1, slot: 'a1/d1' };
    const seen: (readonly ShardHint[])[] = [];
    const queue = new HealQueue({
      clock: new SimClock(new SimHost('a1', scheduler)),
      concurrency: 1,
      retryMs: 1_000,
      retryMaxMs: 1_000,
      mend: async (_, { strays }) => ({ againAfterMs: seen.push(strays) === 1 ? 3_000 : null }),
      onFailure: (_, error) => scheduler.fail(error),
    });
    queue.add('okey', { delayMs: 0, isUrgent: false, strays: [stray] });
    await scheduler.runUntilIdle();
    expect(seen).toEqual([[stray], [stray]]);
  });

  it('drives were formatted for two clusters when all nodes lost power in the middle of a founding', async () => {
    const shape = { zones: { a: 1, b: 1, c: 1 }, drivesPerNode: 1, scheme: '2+1', driveBytes: 2 ** 30 };
    for (let cutAtMs = 4; cutAtMs < 14; cutAtMs += 0.5) {
      const cluster = new SimCluster(`cut at ${cutAtMs}`, shape, (surroundings) => new RegisterProgram(surroundings));
      for (const machine of cluster.machines) machine.start();
      await cluster.scheduler.runFor(cutAtMs);
      for (const machine of cluster.machines) machine.cutPower();
      await cluster.startAll(60_000);
    }
  });

  it('a proposal that came twice was acknowledged the second time, though the write of the first had just failed', async () => {
    const drive = new FullDrive({ clusterId: 'c', driveId: 'd', slot: 'a1/d1' });
    const acceptor = acceptorOn(drive);
    const ballot = { round: 2, proposer: '0000000000000001' };
    await acceptor.prepare(7, ballot);
    const value = { live: true, recent: [], payload: Buffer.from('v') };
    const group = { partition: 7, ballot, chosenThrough: 0, entries: [{ key: 'okey', sequence: 1, value }] };
    drive.isFull = true;
    const first = acceptor.accept([group]);
    const second = acceptor.accept([group]);
    await expect(first).rejects.toThrow('full');
    await expect(second).rejects.toThrow('full');
  });

  it('a promise that had found no space was kept in memory alone, and proposals were accepted under it', async () => {
    const drive = new FullDrive({ clusterId: 'c', driveId: 'd', slot: 'a1/d1' });
    const acceptor = acceptorOn(drive);
    const ballot = { round: 2, proposer: '0000000000000001' };
    const value = { live: true, recent: [], payload: Buffer.from('v') };
    drive.isFull = true;
    await expect(acceptor.prepare(7, ballot)).rejects.toThrow('full');
    drive.isFull = false;
    const group = { partition: 7, ballot, chosenThrough: 0, entries: [{ key: 'okey', sequence: 1, value }] };
    expect(await acceptor.accept([group])).toEqual([{ accepted: true, promised: ballot }]);
    expect(await acceptorOn(drive).promised(7)).toEqual(ballot);
  });
});

const acceptorOn = (drive: DriveStore) =>
  new Acceptor(drive, { summarize: (_, payload) => payload, onCorrupt: () => {} });

/** Keeps what is committed to itself while it is held, and does it in order afterwards. */
class SlowDrive extends MemoryDrive {
  #gate: PromiseWithResolvers<void> | null = null;
  #last: Promise<void> = Promise.resolve();

  hold(): void {
    this.#gate = Promise.withResolvers();
  }

  release(): void {
    this.#gate?.resolve();
    this.#gate = null;
  }

  override async commit(operations: readonly StoreOperation[]): Promise<void> {
    const gate = this.#gate?.promise;
    const before = this.#last;
    const done = (async () => {
      await before;
      await gate;
      await super.commit(operations);
    })();
    this.#last = done;
    await done;
  }
}

class FullDrive extends MemoryDrive {
  isFull = false;

  override async commit(operations: readonly StoreOperation[]): Promise<void> {
    if (this.isFull) throw new DiskError('no-space', 'the drive is full');
    await super.commit(operations);
  }
}
