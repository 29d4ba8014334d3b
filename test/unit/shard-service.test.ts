// Shards over RPC: nothing damaged is stored, messages that come twice do no harm, and a writer that vanishes leaves nothing.
import { describe, expect, it } from 'vitest';
import { PieceSource, StripeBuffer } from '../../node/cluster/body-stripes.ts';
import { Rpc } from '../../node/cluster/rpc.ts';
import { SHARD_METHODS } from '../../node/cluster/shard-methods.ts';
import { registerShardService } from '../../node/cluster/shards.ts';
import { createErasure } from '../../node/erasure/erasure.ts';
import { shardAttributes } from '../../node/format/shard-formats.ts';
import { bytesOf } from '../cluster-fakes/bodies.ts';
import { FaultyDrive } from '../cluster-fakes/faulty-drive.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { SimClock } from '../simulation/sim-clock.ts';
import { SimHost } from '../simulation/sim-host.ts';
import { SimNetwork } from '../simulation/sim-network.ts';
import { SimRandom } from '../simulation/sim-random.ts';

const SLOT = 'b1/d1';
const BLOCK = 256;
const BLOB = 'b'.repeat(32);
const NAME = { blobId: BLOB, position: 0 };
const SESSION = '5'.repeat(32);
const ATTRIBUTES = shardAttributes.encode({ owners: ['okey'], k: 1, m: 1, blockBytes: BLOCK, writtenMs: 7 });

async function sealedBlock(stripe: number, sizeBytes = BLOCK): Promise<Buffer> {
  const buffer = new StripeBuffer(1, 1, sizeBytes);
  const stream = async function* () {
    yield bytesOf(sizeBytes, stripe);
  };
  await buffer.fill(new PieceSource(stream()));
  return buffer.seal(BLOB, stripe, createErasure(1, 1))[0]!;
}

/** Node a1 asks node b1, which has one drive. */
function twoNodes() {
  const scheduler = new Scheduler();
  const network = new SimNetwork({ scheduler, random: new SimRandom(1) });
  const rpcOf = (name: string) => {
    const host = new SimHost(name, scheduler);
    const clock = new SimClock(host);
    return { clock, rpc: new Rpc(network.attach(host), clock, new SimRandom(name)) };
  };
  const drive = new FaultyDrive({ clusterId: 'c'.repeat(32), driveId: 'd'.repeat(32), slot: SLOT });
  const server = rpcOf('b1');
  registerShardService(server.rpc, (slot) => (slot === SLOT ? drive : null), server.clock);
  const { rpc } = rpcOf('a1');
  const call = ((method: never, request: never) =>
    scheduler.runToEnd('the call', rpc.call('b1', method, request, { timeoutMs: 60_000 }), 120_000)) as unknown as <
    Q,
    A,
  >(
    method: { readonly request: { encode(value: Q): Buffer }; readonly response: { decode(bytes: Buffer): A } },
    request: Q,
  ) => Promise<A>;
  return { scheduler, network, drive, call };
}

const rpcError = (code: string) => expect.objectContaining({ name: 'RpcError', code });

describe('a whole shard', () => {
  it('is put, stated, read in part, listed and deleted', async () => {
    const { drive, call } = twoNodes();
    const data = Buffer.concat([await sealedBlock(0), await sealedBlock(1), await sealedBlock(2, 64)]);
    await call(SHARD_METHODS.put, { slot: SLOT, name: NAME, attributes: ATTRIBUTES, data });
    const other = { blobId: BLOB, position: 1 };
    expect(await call(SHARD_METHODS.stat, { slot: SLOT, names: [other, NAME] })).toEqual({
      sizesBytes: [null, data.length],
    });
    const range = { offset: BLOCK + 4, lengthBytes: BLOCK + 4 };
    const read = await call(SHARD_METHODS.read, { slot: SLOT, name: NAME, ...range });
    expect(read.data).toEqual(await sealedBlock(1));
    expect(await call(SHARD_METHODS.read, { slot: SLOT, name: other, ...range })).toEqual({ data: null });
    const { shards } = await call(SHARD_METHODS.list, { slot: SLOT, after: null, limit: 10 });
    expect(shards).toEqual([{ name: NAME, sizeBytes: data.length, attributes: ATTRIBUTES }]);
    expect(shardAttributes.decode(shards[0]!.attributes).owners).toEqual(['okey']);
    await call(SHARD_METHODS.delete, { slot: SLOT, names: [NAME, other] });
    expect(drive.names()).toEqual([]);
  });

  it('that arrives damaged is refused and not stored', async () => {
    const { drive, call } = twoNodes();
    const whole = await sealedBlock(0);
    const damaged = Buffer.from(whole);
    damaged[17]! ^= 4;
    for (const data of [damaged, whole.subarray(0, 100), Buffer.alloc(0), await sealedBlock(1)]) {
      const request = { slot: SLOT, name: NAME, attributes: ATTRIBUTES, data };
      await expect(call(SHARD_METHODS.put, request)).rejects.toEqual(rpcError('refused'));
    }
    const request = { slot: SLOT, name: { ...NAME, position: 1 }, attributes: ATTRIBUTES, data: whole };
    await expect(call(SHARD_METHODS.put, request)).rejects.toEqual(rpcError('refused'));
    expect(drive.names()).toEqual([]);
  });

  it('for a drive that is not there is refused by name', async () => {
    const { call } = twoNodes();
    const slot = 'b1/d2';
    const data = await sealedBlock(0);
    await expect(call(SHARD_METHODS.put, { slot, name: NAME, attributes: ATTRIBUTES, data })).rejects.toEqual(
      rpcError('unknown-drive'),
    );
    await expect(call(SHARD_METHODS.stat, { slot, names: [NAME] })).rejects.toEqual(rpcError('unknown-drive'));
    await expect(
      call(SHARD_METHODS.begin, { session: SESSION, slot, name: NAME, attributes: ATTRIBUTES }),
    ).rejects.toEqual(rpcError('unknown-drive'));
  });

  it('that the drive has no space for, or cannot write, says which', async () => {
    const { drive, call } = twoNodes();
    const request = { slot: SLOT, name: NAME, attributes: ATTRIBUTES, data: await sealedBlock(0) };
    drive.fate = () => 'no-space';
    await expect(call(SHARD_METHODS.put, request)).rejects.toEqual(rpcError('no-space'));
    drive.fate = () => 'fail';
    await expect(call(SHARD_METHODS.put, request)).rejects.toEqual(rpcError('unknown-drive'));
  });
});

describe('a session', () => {
  const begin = { session: SESSION, slot: SLOT, name: NAME, attributes: ATTRIBUTES };

  it('shows its shard when it is committed, and not before', async () => {
    const { drive, call } = twoNodes();
    await call(SHARD_METHODS.begin, begin);
    for (const stripe of [0, 1]) {
      await call(SHARD_METHODS.append, { session: SESSION, stripe, data: await sealedBlock(stripe) });
    }
    expect(drive.names()).toEqual([]);
    await call(SHARD_METHODS.commit, { session: SESSION });
    expect(await drive.readShard(NAME, 0, 1_000)).toEqual(Buffer.concat([await sealedBlock(0), await sealedBlock(1)]));
  });

  it('takes every message twice without harm', async () => {
    const { drive, call } = twoNodes();
    for (let twice = 0; twice < 2; twice++) await call(SHARD_METHODS.begin, begin);
    for (const stripe of [0, 0, 1, 1, 2, 2]) {
      await call(SHARD_METHODS.append, { session: SESSION, stripe, data: await sealedBlock(stripe) });
    }
    for (let twice = 0; twice < 2; twice++) await call(SHARD_METHODS.commit, { session: SESSION });
    for (let twice = 0; twice < 2; twice++) await call(SHARD_METHODS.abort, { session: SESSION });
    expect((await drive.statShard(NAME))?.sizeBytes).toBe(3 * (BLOCK + 4));
    await expect(call(SHARD_METHODS.begin, begin)).rejects.toEqual(rpcError('refused'));
  });

  it('refuses blocks out of order, damaged, too large or of another stripe', async () => {
    const { call } = twoNodes();
    await call(SHARD_METHODS.begin, begin);
    const append = (stripe: number, data: Buffer) => call(SHARD_METHODS.append, { session: SESSION, stripe, data });
    await expect(append(1, await sealedBlock(1))).rejects.toEqual(rpcError('refused'));
    await expect(append(0, await sealedBlock(1))).rejects.toEqual(rpcError('refused'));
    await expect(append(0, await sealedBlock(0, 2 * BLOCK))).rejects.toEqual(rpcError('refused'));
    await expect(append(0, (await sealedBlock(0)).subarray(1))).rejects.toEqual(rpcError('refused'));
    await append(0, await sealedBlock(0));
    await expect(append(2, await sealedBlock(2))).rejects.toEqual(rpcError('refused'));
  });

  it('of which a block could not be written is not committed', async () => {
    const { drive, call } = twoNodes();
    await call(SHARD_METHODS.begin, begin);
    drive.fate = ({ operation }) => (operation === 'append' ? 'fail' : 'work');
    const append = { session: SESSION, stripe: 0, data: await sealedBlock(0) };
    await expect(call(SHARD_METHODS.append, append)).rejects.toEqual(rpcError('unknown-drive'));
    await expect(call(SHARD_METHODS.commit, { session: SESSION })).rejects.toEqual(rpcError('unknown-drive'));
    expect(drive.names()).toEqual([]);
    expect(drive.uncommittedShards).toBe(0);
  });

  it('whose writer sends nothing for five minutes is over, and leaves nothing', async () => {
    const { scheduler, drive, call } = twoNodes();
    await call(SHARD_METHODS.begin, begin);
    await scheduler.runFor(299_000);
    await call(SHARD_METHODS.append, { session: SESSION, stripe: 0, data: await sealedBlock(0) });
    await scheduler.runFor(299_000);
    expect(drive.uncommittedShards).toBe(1);
    await scheduler.runFor(2_000);
    expect(drive.uncommittedShards).toBe(0);
    const late = { session: SESSION, stripe: 1, data: await sealedBlock(1) };
    await expect(call(SHARD_METHODS.append, late)).rejects.toEqual(rpcError('refused'));
    await scheduler.runUntilIdle();
    expect(drive.names()).toEqual([]);
  });

  it('is one of a bounded number', async () => {
    const { drive, call } = twoNodes();
    const open = (at: number) =>
      call(SHARD_METHODS.begin, {
        ...begin,
        session: at.toString(16).padStart(32, '0'),
        name: { ...NAME, position: at % 6 },
      });
    for (let at = 0; at < 4_096; at++) await open(at);
    await expect(open(4_096)).rejects.toEqual(rpcError('refused'));
    expect(drive.uncommittedShards).toBe(4_096);
  });
});

it('a call to a hanging drive of the own node ends too', async () => {
  const scheduler = new Scheduler();
  const host = new SimHost('b1', scheduler);
  const clock = new SimClock(host);
  const rpc = new Rpc(new SimNetwork({ scheduler, random: new SimRandom(1) }).attach(host), clock, new SimRandom(2));
  const drive = new FaultyDrive({ clusterId: 'c'.repeat(32), driveId: 'd'.repeat(32), slot: SLOT });
  drive.fate = () => 'hang';
  registerShardService(rpc, () => drive, clock);
  const stat = rpc.call('b1', SHARD_METHODS.stat, { slot: SLOT, names: [NAME] }, { timeoutMs: 700 });
  await expect(scheduler.runToEnd('the call', stat, 10_000)).rejects.toEqual(rpcError('no-answer'));
  expect(scheduler.nowMs).toBe(700);
});
