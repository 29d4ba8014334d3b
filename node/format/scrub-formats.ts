// What a drive keeps about its own scrubbing, so that a restart goes on where the pass was.
import { bool, format, hex, list, optional, struct, u8, u53 } from './codec.ts';
import { registerKey } from './register-formats.ts';

const shardName = struct('shard name', { blobId: [hex(16), 'the blob'], position: [u8, 'its shard'] });

/** Stored under 'S' on every drive. */
export const scrubRecord = format('scrub record', 1, {
  isRunning: [bool, 'a pass is under way'],
  valuesFrom: [optional(registerKey), "of the pass: the first of the drive's keys not read yet; none: all are read"],
  shardsAfter: [optional(shardName), 'of the pass: the last shard that was read; none: no shard was read yet'],
  passReadBytes: [u53, 'of the pass'],
  lastPassEndedMs: [
    optional(u53),
    'wall clock, ms since 1970, at the end of the last whole pass; decides only when the next one begins',
  ],
  damagedValues: [list(registerKey), "the drive's keys whose values could not be read, until they are repaired"],
  damagedShards: [list(shardName), 'the same of shards'],
});
export type ScrubRecord = ReturnType<typeof scrubRecord.decode>;
