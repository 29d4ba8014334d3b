// The RPC methods of shards: their ids and formats in one table.
import { emptyMessage } from '../format/membership-formats.ts';
import {
  appendShardRequest,
  beginShardRequest,
  deleteShardsRequest,
  listShardsRequest,
  listShardsResponse,
  putShardRequest,
  readShardRequest,
  readShardResponse,
  sessionRequest,
  statShardsRequest,
  statShardsResponse,
} from '../format/shard-formats.ts';
import { method } from './rpc.ts';

export const SHARD_METHODS = {
  put: method(32, 'shard.put', putShardRequest, emptyMessage),
  begin: method(33, 'shard.begin', beginShardRequest, emptyMessage),
  append: method(34, 'shard.append', appendShardRequest, emptyMessage),
  commit: method(35, 'shard.commit', sessionRequest, emptyMessage),
  abort: method(36, 'shard.abort', sessionRequest, emptyMessage),
  read: method(37, 'shard.read', readShardRequest, readShardResponse),
  stat: method(38, 'shard.stat', statShardsRequest, statShardsResponse),
  delete: method(39, 'shard.delete', deleteShardsRequest, emptyMessage),
  list: method(40, 'shard.list', listShardsRequest, listShardsResponse),
} as const;
