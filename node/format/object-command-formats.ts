// Commands to registers and the replies to them, as bytes: one byte that names the command, then its format. Commands cross
// the wire between nodes of different versions during an upgrade, so a tag is never used again for something else.
import {
  bytes,
  choice,
  type Fields,
  type Format,
  FormatError,
  format,
  hex,
  list,
  optional,
  text,
  u8,
  u32,
  u53,
  type ValueOfFields,
} from './codec.ts';
import { blobRef, objectVersion, storedPart } from './object-formats.ts';

const ifMatch = [list(text), 'entity tags, or *; empty for no condition'] as const;
const ifNoneMatch = [list(text), 'entity tags, or *; empty for no condition'] as const;

interface CommandKind<F extends Fields> {
  readonly tag: number;
  readonly format: Format<ValueOfFields<F>>;
}

function command<F extends Fields>(tag: number, name: string, fields: F): CommandKind<F> {
  return { tag, format: format(`${name} command`, 1, fields) };
}

export const COMMANDS = {
  putObject: command(1, 'put object', {
    ifMatch: [...ifMatch],
    ifNoneMatch: [...ifNoneMatch],
    version: [objectVersion, 'to become the current one; with an upload id it completes that upload'],
  }),
  deleteObject: command(2, 'delete object', {
    ifMatch: [...ifMatch],
    ifNoneMatch: [...ifNoneMatch],
    onlyVersion: [optional(hex(16)), 'delete nothing but this version'],
  }),
  openUpload: command(3, 'open upload', {
    uploadId: [hex(16), 'drawn by the asker'],
    startedMs: [u53, 'wall clock, ms since 1970'],
  }),
  abortUpload: command(4, 'abort upload', { uploadId: [hex(16), 'never to be completed from now on'] }),
  finishUpload: command(5, 'finish upload', {
    uploadId: [hex(16), 'whose part registers and upload register are gone'],
  }),
  putPart: command(6, 'put part', {
    objectKey: [text, 'the key that the upload is for'],
    part: [storedPart, 'to replace an earlier upload of the same number'],
  }),
  removePart: command(7, 'remove part', {
    kept: [list(hex(16)), 'blobs that the object owns now; all others are condemned'],
  }),
  putUpload: command(8, 'put upload', { record: [bytes, 'an upload record'] }),
  remove: command(9, 'remove', {}),
  createBucket: command(10, 'create bucket', { record: [bytes, 'a bucket record'] }),
  beginBucketDeletion: command(11, 'begin bucket deletion', {
    id: [hex(8), 'of the bucket'],
    deletion: [hex(8), 'drawn by the asker; takes the place of an earlier deletion'],
  }),
  cancelBucketDeletion: command(12, 'cancel bucket deletion', {
    id: [hex(8), 'of the bucket'],
    deletion: [optional(hex(8)), 'only this deletion; none: whichever is under way'],
  }),
  removeBucket: command(13, 'remove bucket', {
    id: [hex(8), 'of the bucket'],
    deletion: [hex(8), 'must still be under way'],
  }),
  condemn: command(14, 'condemn', {
    objectKey: [text, 'the key of the object that owns the blob, or would once an upload is completed'],
    blob: [blobRef, 'not to be owned from now on, unless it is already'],
  }),
  clearCondemned: command(15, 'clear condemned', { blobIds: [list(hex(16)), 'whose shards are deleted'] }),
  clearDisplaced: command(16, 'clear displaced', {
    blobId: [hex(16), 'whose shards are'],
    positions: [list(u8), 'now on their own drives'],
  }),
  setMap: command(17, 'set map', {
    expectedEpoch: [u53, 'of the present map; 0 for none'],
    map: [bytes, 'the map of the next epoch, in its own format'],
  }),
  forgetBans: command(18, 'forget bans', {}),
} as const;

export type CommandName = keyof typeof COMMANDS;
export type CommandValue<N extends CommandName> = ReturnType<(typeof COMMANDS)[N]['format']['decode']>;
export type Command = { [N in CommandName]: { readonly name: N; readonly value: CommandValue<N> } }[CommandName];

export function encodeCommand<N extends CommandName>(name: N, value: CommandValue<N>): Buffer {
  const { tag, format: kind } = COMMANDS[name] as { tag: number; format: Format<CommandValue<N>> };
  return Buffer.concat([Buffer.from([tag]), ...kind.pieces(value)]);
}

/** Throws FormatError. */
export function decodeCommand(input: Uint8Array): Command {
  for (const [name, { tag, format: kind }] of Object.entries(COMMANDS)) {
    if (tag === input[0]) return { name, value: kind.decode(input.subarray(1)) } as Command;
  }
  throw new FormatError(`${input[0]} is no command to a register`);
}

export const OUTCOMES = [
  'ok',
  /** Nothing of that name is there. */
  'absent',
  /** Something of that name is there already. */
  'exists',
  'precondition-failed',
  /** The upload is not open and was not completed. */
  'not-open',
  /** The upload has been completed already. */
  'completed',
  /** The blob has been condemned, so nothing may own it any more. */
  'condemned',
  /** The register owns the blob. */
  'owned',
  /** The bucket's deletion is under way, or no longer the one that was named. */
  'conflict',
  /** The register can take no more before it has been cleaned up. */
  'full',
] as const;
export type Outcome = (typeof OUTCOMES)[number];

const reply = format('reply', 1, {
  outcome: [choice(OUTCOMES), 'ok: done, or there already'],
  condemnedCount: [u32, 'blobs of this register whose shards are to be deleted'],
  found: [bytes, 'the record that stood in the way or that now stands, where the command says so; else empty'],
});
export type Reply = ReturnType<typeof reply.decode>;

export const encodeReply = (value: Reply): Buffer => reply.encode(value);

/**
 * An empty reply says: an earlier attempt carried the command out, and its reply was lost. As a command writes only where its
 * outcome is 'ok', that is what the reply was; how many blobs it condemned is not known, so some are assumed.
 */
export function decodeReply(input: Uint8Array): Reply {
  return input.length === 0 ? { outcome: 'ok', condemnedCount: 1, found: input } : reply.decode(input);
}
