// The bytes of the register protocol: what a replica keeps per key and per partition, and the messages between replicas,
// proposers and readers. The rules that use them are in docs/consistency.md.
import type { Ballot, Version } from '../core/ballot.ts';
import { bool, bytes, type Codec, format, hex, list, optional, struct, text, u32, u53, type ValueOf } from './codec.ts';

const ballot: Codec<Ballot> = struct('ballot', {
  round: [u53, 'higher rounds win; one more than the highest seen when a proposer takes over'],
  proposer: [hex(8), 'drawn at process start, so that no two processes ever share a ballot'],
});

const version: Codec<Version> = struct('version', {
  ballot: [ballot, 'under which the value was proposed'],
  sequence: [u53, 'used once per ballot and partition'],
});

/** A register key as raw bytes; code units 0-255 in memory. */
export const registerKey: Codec<string> = {
  type: 'bytes (u32 length, then the bytes)',
  write: (writer, value) => bytes.write(writer, Buffer.from(value, 'latin1')),
  read: (reader) => (bytes.read(reader) as Buffer).toString('latin1'),
};

export const RECENT_ASKERS_MAX = 32;

const recentAttempt = struct('recent attempt', {
  asker: [hex(8), 'drawn by the asking process when it started'],
  number: [u53, 'the newest of its attempts that was carried out here; what has a lower one comes too late'],
  hasWritten: [bool, 'false: nothing was to be changed, and only this entry was written'],
});
export type RecentAttempt = ValueOf<typeof recentAttempt>;

/** What a proposer proposes: one state of one register. */
export const registerValue = struct('register value', {
  live: [bool, 'false: the payload says that the thing was deleted'],
  recent: [
    list(recentAttempt),
    `of each of the last ${RECENT_ASKERS_MAX} askers, newest last: a repeated change is recognised, and one that comes too late`,
  ],
  payload: [bytes, 'the record of the bucket, object, upload, part or map'],
});
export type RegisterValue = ValueOf<typeof registerValue>;

/** Stored under 'R' + key on every replica. */
export const registerRecord = format('register record', 1, {
  version: [version, 'of the accepted proposal; only ever replaced by a higher one'],
  value: [registerValue, 'as proposed'],
});
export type RegisterRecord = { version: Version; value: RegisterValue };

/** Kept as the head of a register record, so that whoever asks for a range of registers need not read their values. */
export const registerHead = format('register head', 1, {
  version: [version, 'of the record'],
  live: [bool, 'as in its value'],
  summary: [
    optional(bytes),
    'what listings need of the payload, empty for what is deleted; none: too long to be kept twice, the record has it',
  ],
});

/** Stored under 'P' + partition on every replica. */
export const partitionRecord = format('partition record', 1, {
  promised: [ballot, 'proposals and reads under lower ballots are refused'],
  chosen: [
    list(version),
    'per ballot: every proposal up to this sequence is decided; a hint that makes reads final with fewer replicas',
  ],
});
export type PartitionRecord = { promised: Ballot; chosen: Version[] };

const slot = text;

export const prepareRequest = format('prepare request', 1, {
  slot: [slot, 'the replica'],
  partition: [u32, 'the partition to take over; 4294967295 is the cluster map'],
  ballot: [ballot, 'the claim'],
});
export const prepareResponse = format('prepare response', 1, {
  granted: [bool, 'the promise is durable'],
  promised: [ballot, 'the highest ballot promised here'],
});

const acceptEntry = struct('entry', {
  key: [registerKey, 'the register'],
  sequence: [u53, 'of this proposal'],
  value: [registerValue, 'proposed'],
});
const acceptGroup = struct('group', {
  partition: [u32, 'to which all keys of the group belong'],
  ballot: [ballot, 'of the proposer'],
  chosenThrough: [u53, 'all proposals of this ballot up to this sequence are decided'],
  entries: [list(acceptEntry), 'may be empty: only the mark moves'],
});
export const acceptRequest = format('accept request', 1, {
  slot: [slot, 'the replica'],
  groups: [list(acceptGroup), 'proposals of several partitions share one message and one sync'],
});
export type AcceptGroup = ValueOf<typeof acceptGroup>;
const acceptResult = struct('result', {
  accepted: [bool, 'all entries of the group are durable here'],
  promised: [ballot, 'the highest ballot promised here'],
});
export const acceptResponse = format('accept response', 1, {
  results: [list(acceptResult), 'one per group, in order'],
});

export const fetchRequest = format('fetch request', 1, {
  slot: [slot, 'the replica'],
  partition: [u32, 'of the keys'],
  ballot: [optional(ballot), "a proposer's own: refused unless it is the promise here; none for a reader"],
  values: [bool, 'whether values are wanted, or versions only'],
  keys: [list(registerKey), 'registers, all of one partition'],
});
const fetched = struct('register', {
  version: [optional(version), 'none: the register was never written here'],
  chosen: [bool, 'the version is known to be decided'],
  value: [optional(registerValue), 'when wanted and present'],
});
export type Fetched = ValueOf<typeof fetched>;
export const fetchResponse = format('fetch response', 1, {
  registers: [list(fetched), 'one per key, in order'],
  generation: [u53, 'in which this drive last forgot a register; changes that began in an older one are refused'],
});

export const scanRequest = format('scan request', 1, {
  slot: [slot, 'the replica'],
  from: [registerKey, 'first key wanted'],
  to: [registerKey, 'first key not wanted; empty for no end'],
  limit: [u32, 'entries at most'],
  partitions: [
    optional(bytes),
    'a bit for each partition, the lowest first: only registers of these, and the map, are wanted; none: all are',
  ],
  detail: [bool, 'summaries wanted, or versions only'],
});
export type ScanRequest = ReturnType<typeof scanRequest.decode>;
const scanEntry = struct('entry', {
  key: [registerKey, 'the register'],
  version: [version, 'accepted here'],
  live: [bool, 'false: deleted'],
  summary: [bytes, 'what listings need of the payload; empty unless wanted and live'],
});
export type ScanEntry = ValueOf<typeof scanEntry>;
export const scanResponse = format('scan response', 1, {
  entries: [list(scanEntry), 'ascending by key'],
  next: [
    optional(registerKey),
    'everything wanted before this key is among the entries; none: nothing more before the end',
  ],
});

export const learnRequest = format('learn request', 1, {
  slot: [slot, 'the replica that missed them'],
  generation: [u53, 'known to the sender before it read the values: what was forgotten since is not taken'],
  entries: [
    list(
      struct('entry', {
        key: [registerKey, 'the register'],
        version: [version, 'decided'],
        value: [registerValue, 'decided'],
      }),
    ),
    'decided values; safe to take whatever was promised',
  ],
});
export const learnResponse = format('learn response', 1, {
  taken: [u32, 'how many were newer than what was there'],
});

export const changeRequest = format('change request', 1, {
  key: [registerKey, 'the register'],
  asker: [hex(8), 'drawn by the asking process when it started; it changes a register once at a time'],
  number: [u53, 'of this attempt: higher than of all that the asker has sent before'],
  first: [
    u53,
    'the lowest number under which this change may have been carried out; below `number`: an attempt got no answer',
  ],
  generation: [u53, 'known to the asker before its first attempt'],
  command: [bytes, 'decided at the proposer'],
});
export const changeResponse = format('change response', 1, {
  repeated: [bool, 'an earlier attempt had already been carried out; the reply is empty'],
  reply: [bytes, "the decision's reply"],
});

export const settleRequest = format('settle request', 1, {
  keys: [list(registerKey), 'registers on whose state the replicas disagree, all of one partition'],
});
export const settleResponse = format('settle response', 1, {
  registers: [
    list(optional(struct('record', { version: [version, 'decided'], value: [registerValue, 'decided'] }))),
    'one per key, in order',
  ],
});

export const mendRegisterRequest = format('mend register request', 1, {
  key: [registerKey, 'a register whose record cannot be read any more on some replica; its proposer is asked'],
});

export const forgetRequest = format('forget request', 1, {
  slot: [slot, 'the replica'],
  partition: [u32, 'of the keys'],
  ballot: [ballot, 'refused unless it is the promise here, and higher than those of the versions'],
  generation: [u53, 'that began after the registers were seen to be deleted'],
  entries: [
    list(
      struct('tombstone', {
        key: [registerKey, 'the register'],
        version: [version, 'that every replica holds, and that says "deleted" and nothing else'],
      }),
    ),
    'all of them are forgotten, or none',
  ],
});
export const forgetResponse = format('forget response', 1, {
  forgotten: [bool, 'false: something here is not as the request says'],
});

/** Stored under 'T' on every drive. */
export const generationRecord = format('generation record', 1, {
  generation: [u53, 'in which this drive last forgot a register'],
});
