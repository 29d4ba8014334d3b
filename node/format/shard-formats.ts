// The bytes of shards between nodes: what is kept with every shard, and the messages that write, read and list them.
import { bytes, format, hex, list, optional, struct, text, u8, u32, u53, type ValueOf } from './codec.ts';
import { registerKey } from './register-formats.ts';

/** Kept with every shard on its drive, so that a shard can be judged without knowing where it came from. */
export const shardAttributes = format('shard attributes', 1, {
  owners: [list(registerKey), 'registers that may own the blob; ownership moves from the first towards the last'],
  k: [u8, 'data shards of the blob'],
  m: [u8, 'parity shards of the blob'],
  blockBytes: [u32, 'block size in all stripes but the last'],
  writtenMs: [u53, 'wall clock of the writing node, ms since 1970; for people, nothing is decided by it'],
});
export type ShardAttributes = ReturnType<typeof shardAttributes.decode>;

const slot = text;

const shardName = struct('shard name', {
  blobId: [hex(16), 'the blob'],
  position: [u8, '0 … k+m−1'],
});
export type WireShardName = ValueOf<typeof shardName>;

export const putShardRequest = format('put shard request', 1, {
  slot: [slot, 'the drive'],
  name: [shardName, 'the shard'],
  attributes: [bytes, 'shard attributes'],
  data: [bytes, 'the whole shard: sealed blocks, one after the other'],
});

export const beginShardRequest = format('begin shard request', 1, {
  session: [hex(16), 'drawn by the writer; names the session in all that follows'],
  slot: [slot, 'the drive'],
  name: [shardName, 'the shard'],
  attributes: [bytes, 'shard attributes'],
});
export const appendShardRequest = format('append shard request', 1, {
  session: [hex(16), 'the session'],
  stripe: [u32, 'of the block; they come in order, without gaps'],
  data: [bytes, 'one sealed block'],
});
export const sessionRequest = format('shard session request', 1, { session: [hex(16), 'the session'] });

export const readShardRequest = format('read shard request', 1, {
  slot: [slot, 'the drive'],
  name: [shardName, 'the shard'],
  offset: [u53, 'first byte'],
  lengthBytes: [u32, 'how many; fewer come at the end of the shard'],
});
export const readShardResponse = format('read shard response', 1, {
  data: [optional(bytes), 'none: there is no such shard'],
});

export const statShardsRequest = format('stat shards request', 1, {
  slot: [slot, 'the drive'],
  names: [list(shardName), 'the shards'],
});
export const statShardsResponse = format('stat shards response', 1, {
  sizesBytes: [list(optional(u53)), 'one per name, in order; none: there is no such shard'],
});

export const deleteShardsRequest = format('delete shards request', 1, {
  slot: [slot, 'the drive'],
  names: [list(shardName), 'the shards; absent ones are fine'],
});

export const listShardsRequest = format('list shards request', 1, {
  slot: [slot, 'the drive'],
  after: [optional(shardName), 'the last one of the page before'],
  limit: [u32, 'shards at most'],
});
export const listShardsResponse = format('list shards response', 1, {
  shards: [
    list(
      struct('shard', {
        name: [shardName, 'the shard'],
        sizeBytes: [u53, 'stored'],
        attributes: [bytes, 'shard attributes'],
      }),
    ),
    'in the order of blob id and position',
  ],
});
