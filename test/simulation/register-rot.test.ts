// Records of registers that rot on one replica: they are never taken for absent and never replaced by something older, and the
// replica gets back what the others have decided, whether a read, a write or the scrubber finds them.
import { describe, expect, it } from 'vitest';
import { objectKey } from '../../node/core/keys.ts';
import { CorruptionError, type DriveStore } from '../../node/storage/drive-store.ts';
import { body, bytesOf, NO_CONDITIONS, NO_METADATA, readAll } from '../cluster-fakes/bodies.ts';
import { replicaProblems } from './checkers/storage-state.ts';
import { SimCluster } from './cluster.ts';
import { NodeProgram } from './node-program.ts';

const SHAPE = { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 1, scheme: '2+2', driveBytes: 2 ** 30 };

/** What lies under the key cannot be read any more until it is written anew. */
function rot(store: DriveStore, key: string): { isRotten: () => boolean } {
  let isRotten = true;
  const { get, range, commit } = {
    get: store.get.bind(store),
    range: store.range.bind(store),
    commit: store.commit.bind(store),
  };
  store.get = async (asked) => {
    if (isRotten && asked === key) throw new CorruptionError(`${key} has rotted, as the test says`);
    return get(asked);
  };
  store.range = async (from, to, limit) => {
    const entries = await range(from, to, limit);
    if (isRotten && entries.some((entry) => entry.key === key)) throw new CorruptionError('a value has rotted');
    return entries;
  };
  store.commit = async (operations) => {
    await commit(operations);
    if (operations.some((operation) => operation.key === key)) isRotten = false;
  };
  return { isRotten: () => isRotten };
}

async function clusterWithObject() {
  const cluster = new SimCluster(1, SHAPE, (surroundings) => new NodeProgram(surroundings));
  const { scheduler } = cluster;
  await cluster.startAll(60_000);
  const { store } = cluster.machine('a1').program!;
  const run = <T>(work: Promise<T>) => scheduler.runToEnd('a request', work, 60_000);
  const putting = (key: string, seed: number) =>
    store.putObject('bucket', key, body(bytesOf(3_000, seed)), NO_METADATA, NO_CONDITIONS);
  const get = async (key: string) => run(store.getObject('bucket', key).then((found) => readAll(found)));
  const { id } = await run(store.createBucket('bucket'));
  await run(putting('key', 1));
  await scheduler.runFor(30_000);
  const { topology } = cluster.machine('a1').program!.member.running;
  const register = objectKey(id, 'key');
  const replicas = topology.current().replicas(topology.current().partitionOf(register));
  const drive = (at: number) => {
    const { node } = replicas[at]!;
    return cluster.machine(node).program!.member.drives.open()[0]!;
  };
  const members = () => cluster.machines.map(({ program }) => program!.member);
  const health = async () => (await run(cluster.machine('a1').program!.objects.status())).health;
  return { cluster, scheduler, store, run, putting, get, register, drive, members, health };
}

describe('a record that has rotted', () => {
  it('is found by the scrubber, keeps the cluster from being called healthy, and is replaced', async () => {
    const world = await clusterWithObject();
    expect(await world.health()).toBe('healthy');
    const { isRotten } = rot(world.drive(0), `R${world.register}`);
    const [node] = world.drive(0).identity.slot.split('/');
    await world.run(world.cluster.machine(node!).program!.node.serving!.status.startScrub());
    for (let looks = 0; looks < 200 && isRotten(); looks++) await world.scheduler.runFor(100);
    expect(isRotten()).toBe(false);
    await world.scheduler.runFor(10_000);
    expect(await world.health()).toBe('healthy');
    expect(await world.run(replicaProblems(world.members()))).toEqual([]);
    const report = await world.run(world.cluster.machine(node!).program!.node.serving!.status.own());
    expect(report.scrub).toMatchObject([{ errorsFound: 1, errorsRepaired: 1, unrepaired: [] }]);
  });

  it('is neither read as absent nor overwritten, and does not hold up what comes with it', async () => {
    const world = await clusterWithObject();
    const rotten = [0, 1].map((at) => rot(world.drive(at), `R${world.register}`));
    expect((await world.get('key')).equals(bytesOf(3_000, 1))).toBe(true);
    await world.run(Promise.all([world.putting('key', 2), world.putting('other', 3)]));
    expect((await world.get('key')).equals(bytesOf(3_000, 2))).toBe(true);
    expect((await world.get('other')).equals(bytesOf(3_000, 3))).toBe(true);
    await world.scheduler.runFor(20_000);
    expect(rotten.map(({ isRotten }) => isRotten())).toEqual([false, false]);
    expect(await world.run(replicaProblems(world.members()))).toEqual([]);
    expect(await world.health()).toBe('healthy');
  });

  it('is listed as what the others have decided', async () => {
    const world = await clusterWithObject();
    for (const at of [0, 1]) rot(world.drive(at), `R${world.register}`);
    const request = { prefix: '', delimiter: '', after: '', limit: 10 };
    const page = await world.run(world.store.listObjects('bucket', request));
    expect(page.entries.map(({ key }) => key)).toEqual(['key']);
  });
});
