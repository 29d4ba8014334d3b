// Serves the shards on this node's drives to all nodes. Bytes are checked as they arrive, so that what a network or a sender
// damaged is never stored; what is read is checked by the drive and again by the reader.
import { isSealedShard } from '../format/block-seal.ts';
import { shardAttributes } from '../format/shard-formats.ts';
import type { Clock } from '../io/clock.ts';
import { DiskError } from '../io/disk.ts';
import { CorruptionError, type DriveStore } from '../storage/drive-store.ts';
import { type Rpc, RpcError } from './rpc.ts';
import { SHARD_METHODS } from './shard-methods.ts';
import { ShardSessions } from './shard-sessions.ts';

/** How many shards one stat or delete may name, and one list may answer. */
export const SHARD_NAMES_MAX = 1_000;

/** driveAt: the usable drive of this node in that slot, or null. */
export function registerShardService(rpc: Rpc, driveAt: (slot: string) => DriveStore | null, clock: Clock): void {
  const drive = (slot: string): DriveStore => {
    const store = driveAt(slot);
    if (store === null) throw new RpcError('unknown-drive', `drive ${slot} is not usable on this node`);
    return store;
  };
  const sessions = new ShardSessions(clock);

  rpc.handle(SHARD_METHODS.put, ({ slot, name, attributes, data }) =>
    namingErrors(slot, async () => {
      if (!isSealedShard(name, shardAttributes.decode(attributes).blockBytes, data)) throw damaged(name.blobId);
      await drive(slot).putShard(name, attributes, data);
      return {};
    }),
  );

  rpc.handle(SHARD_METHODS.begin, ({ session, slot, name, attributes }) =>
    namingErrors(slot, async () => {
      await sessions.begin(session, name, shardAttributes.decode(attributes), () =>
        drive(slot).beginShard(name, attributes),
      );
      return {};
    }),
  );

  rpc.handle(SHARD_METHODS.append, ({ session, stripe, data }) =>
    namingErrors('a drive', async () => {
      await sessions.append(session, stripe, data);
      return {};
    }),
  );

  rpc.handle(SHARD_METHODS.commit, ({ session }) =>
    namingErrors('a drive', async () => {
      await sessions.commit(session);
      return {};
    }),
  );

  rpc.handle(SHARD_METHODS.abort, ({ session }) =>
    namingErrors('a drive', async () => {
      await sessions.abort(session);
      return {};
    }),
  );

  rpc.handle(SHARD_METHODS.read, ({ slot, name, offset, lengthBytes }) =>
    namingErrors(slot, async () => ({ data: await drive(slot).readShard(name, offset, lengthBytes) })),
  );

  rpc.handle(SHARD_METHODS.stat, ({ slot, names }) =>
    namingErrors(slot, async () => {
      requireFew(names.length);
      const infos = await Promise.all(names.map((name) => drive(slot).statShard(name)));
      return { sizesBytes: infos.map((info) => info?.sizeBytes ?? null) };
    }),
  );

  rpc.handle(SHARD_METHODS.delete, ({ slot, names }) =>
    namingErrors(slot, async () => {
      requireFew(names.length);
      await Promise.all(names.map((name) => drive(slot).deleteShard(name)));
      return {};
    }),
  );

  rpc.handle(SHARD_METHODS.list, ({ slot, after, limit }) =>
    namingErrors(slot, async () => {
      const infos = await drive(slot).listShards(after, Math.min(limit, SHARD_NAMES_MAX));
      const shards = infos.map(({ blobId, position, sizeBytes, attributes }) => ({
        name: { blobId, position },
        sizeBytes,
        attributes,
      }));
      return { shards };
    }),
  );
}

function requireFew(count: number): void {
  if (count > SHARD_NAMES_MAX)
    throw new RpcError('refused', `${count} shards named at once, ${SHARD_NAMES_MAX} may be`);
}

const damaged = (blobId: string) => new RpcError('refused', `bytes of blob ${blobId} arrived damaged`);

async function namingErrors<T>(slot: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof CorruptionError) throw new RpcError('corrupt', `${slot}: ${error.message}`, { cause: error });
    if (error instanceof DiskError) {
      const code = error.kind === 'no-space' ? 'no-space' : 'unknown-drive';
      throw new RpcError(code, `${slot}: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
