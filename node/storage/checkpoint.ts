// The state record of the index: what it contains, and how far the log has been applied to it. Written in the same synced
// transaction as the entries that it describes.
import { FormatError, format, hex, u53 } from '../format/codec.ts';
import { SEAL_HEADER_BYTES, seal, unseal } from './sealed.ts';

const CHECKPOINT_MAGIC = 'ASHLRCKP';

export const CHECKPOINT = format('checkpoint', 1, {
  driveId: [hex(16), 'the drive whose index this is'],
  sequence: [u53, 'the last log record that the index contains'],
  file: [u53, 'the log file in which the record after it begins'],
  offset: [u53, 'where in that file it begins'],
  segmentFile: [u53, 'the segment that is being filled; 0 for none'],
  segmentOffset: [u53, 'how far it is filled'],
  entryCount: [u53, 'entries in the index'],
  entrySum: [u53, 'sum of the checksums of all entries, modulo 2^48: shows that entries are missing'],
  shardCount: [u53, 'shards in the index'],
  shardBytes: [u53, 'the sum of their lengths'],
});

export interface CheckpointState {
  readonly driveId: string;
  readonly sequence: number;
  readonly file: number;
  readonly offset: number;
  readonly segmentFile: number;
  readonly segmentOffset: number;
  readonly entryCount: number;
  readonly entrySum: number;
  readonly shardCount: number;
  readonly shardBytes: number;
}

export const encodeCheckpoint = (state: CheckpointState): Buffer => seal(CHECKPOINT_MAGIC, CHECKPOINT.encode(state));

/** Throws FormatError. */
export function decodeCheckpoint(input: Buffer): CheckpointState {
  const payload = unseal(CHECKPOINT_MAGIC, input);
  if (payload.length + SEAL_HEADER_BYTES !== input.length) throw new FormatError(`${CHECKPOINT_MAGIC}: bytes too many`);
  return CHECKPOINT.decode(payload);
}

/** Of a drive whose index is new. */
export function emptyCheckpoint(driveId: string): CheckpointState {
  return {
    driveId,
    sequence: 0,
    file: 0,
    offset: 0,
    segmentFile: 0,
    segmentOffset: 0,
    entryCount: 0,
    entrySum: 0,
    shardCount: 0,
    shardBytes: 0,
  };
}
