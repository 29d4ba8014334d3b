// A workload that does everything a drive can do, what it has been promised at every moment, and the check that a drive after
// a power cut keeps those promises: what was acknowledged is there, what was not is there wholly or not at all, in order.
import assert from 'node:assert/strict';
import type { DriveStore, ShardName, StoreOperation } from '../../node/storage/drive-store.ts';

/** Small, so that checkpoints, new log files and compactions come often. */
export const BUSY_TUNING = {
  memtableBytes: 3_000,
  checkpointLogBytes: 20_000,
  checkpointIntervalMs: 1,
  recordFileBytes: 8_000,
  indexTransactionEntries: 4,
};

type Values = ReadonlyMap<string, string>;

/** What must hold of a drive if the power goes at this moment. */
export interface Promised {
  /** The newest that was acknowledged, and those that were asked for after it: it must be one of them. */
  readonly states: readonly Values[];
  /** By "blobId/position", what each shard may be; null: absent. */
  readonly shards: ReadonlyMap<string, readonly (string | null)[]>;
}

/** What a run has asked for and been promised so far. */
export class Expectations {
  /** State after every commit that was submitted; the first is the empty drive. */
  readonly states: Values[] = [new Map()];
  acknowledged = 0;
  /** For every shard, what it may be: the acknowledged content, and those under way. null is absent. */
  readonly shards = new Map<string, readonly (string | null)[]>();
  readonly #onChange: (now: Promised) => void;

  /** onChange: called whenever something is asked of the drive, and whenever it has promised something. */
  constructor(onChange: (now: Promised) => void = () => undefined) {
    this.#onChange = onChange;
  }

  get now(): Promised {
    return { states: this.states.slice(this.acknowledged), shards: new Map(this.shards) };
  }

  async commit(store: DriveStore, operations: StoreOperation[]): Promise<void> {
    const next = new Map(this.states.at(-1));
    for (const operation of operations) {
      if (operation.kind === 'put') next.set(operation.key, Buffer.from(operation.value).toString());
      else next.delete(operation.key);
    }
    const number = this.states.push(next) - 1;
    this.#onChange(this.now);
    await store.commit(operations);
    this.acknowledged = Math.max(this.acknowledged, number);
    this.#onChange(this.now);
  }

  async shard(name: ShardName, content: string | null, change: () => Promise<void>): Promise<void> {
    const id = `${name.blobId}/${name.position}`;
    const before = this.shards.get(id) ?? [null];
    this.shards.set(id, [...before, content]);
    this.#onChange(this.now);
    await change();
    this.shards.set(id, [content]);
    this.#onChange(this.now);
  }
}

export async function workload(store: DriveStore, expected: Expectations): Promise<void> {
  const put = (key: string, value: string): StoreOperation => ({ kind: 'put', key, value: Buffer.from(value) });
  const del = (key: string): StoreOperation => ({ kind: 'delete', key });
  const shard = (id: string, position: number): ShardName => ({ blobId: id.repeat(16), position });
  const putShard = (name: ShardName, content: string) =>
    expected.shard(name, content, () => store.putShard(name, Buffer.from('attr'), Buffer.from(content)));

  for (let i = 0; i < 4; i++) await expected.commit(store, [put(`a${i}`, `${i}`), put('both', `${i}`)]);
  await expected.commit(store, [put('long', 'L'.repeat(5_000)), del('a1')]);
  await putShard(shard('01', 0), 'small');
  await putShard(shard('02', 1), 'x'.repeat(70_000));
  await Promise.all([
    ...Array.from({ length: 12 }, (_, i) =>
      expected.commit(store, [put(`b${i % 5}`, `${i}`.repeat(300)), put('both', `b${i}`)]),
    ),
    putShard(shard('03', 2), 'y'.repeat(140_000)),
    putShard(shard('04', 2), 'z'.repeat(2_000)),
  ]);
  await putShard(shard('02', 1), 'X'.repeat(90_000));
  await expected.commit(store, [del('long'), put('b1', 'again'), put('c', 'C'.repeat(3_000))]);
  await expected.shard(shard('03', 2), null, () => store.deleteShard(shard('03', 2)));
  await expected.shard(shard('01', 0), null, () => store.deleteShard(shard('01', 0)));
  await Promise.all(
    Array.from({ length: 12 }, (_, i) => expected.commit(store, [put(`d${i}`, 'd'.repeat(700)), del(`b${i}`)])),
  );
  await putShard(shard('01', 0), 'small again');
  const writer = await store.beginShard(shard('05', 0), Buffer.alloc(0));
  await writer.append(Buffer.alloc(100_000));
  await writer.abort();
  // Values that stay among values that are replaced: files to compact.
  for (let i = 0; i < 8; i++) {
    const replaced = [1, 2, 3].map((n) => put(`r${n}`, `${i}${n}`.repeat(800)));
    await expected.commit(store, [put(`stays${i}`, `${i}`.repeat(1_100)), ...replaced]);
  }
  for (let i = 0; i < 6; i++) await expected.commit(store, [put('last', `${i}`)]);
}

/** Rejects with what is not as promised. */
export async function checkPromises(store: DriveStore, promised: Promised): Promise<void> {
  const entries = await store.range('', '', 1_000);
  const found = JSON.stringify(entries.map(({ key, value }) => [key, Buffer.from(value).toString()]));
  const permitted = promised.states.map((state) => JSON.stringify([...state].sort()));
  assert.ok(
    permitted.includes(found),
    `the drive holds ${found.slice(0, 500)}, which is none of ${permitted.length} states`,
  );
  for (const { key, value } of entries) assert.deepEqual(Buffer.from((await store.get(key))!), Buffer.from(value));

  const listed = await store.listShards(null, 1_000);
  for (const [id, permittedContents] of promised.shards) {
    const [blobId, position] = [id.slice(0, 32), Number(id.slice(33))];
    const info = listed.find((shard) => shard.blobId === blobId && shard.position === position);
    const data = await store.readShard({ blobId, position }, 0, 1_000_000);
    assert.equal(info?.sizeBytes, data?.length);
    const content = data === null ? null : Buffer.from(data).toString();
    assert.ok(permittedContents.includes(content), `shard ${id} is ${content?.slice(0, 20) ?? 'absent'}`);
  }
  const status = await store.status();
  assert.equal(status.shardCount, listed.length);
  assert.equal(
    status.shardBytes,
    listed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  );
}
