// One register, changed command by command as its proposer would change it, and records to put into it.
import type { Decide, RegisterState } from '../../node/cluster/registers.ts';
import { decide } from '../../node/core/decide.ts';
import { KIND, objectKey, partKey } from '../../node/core/keys.ts';
import { currentVersion, readObject, readPart } from '../../node/core/object-record.ts';
import {
  type CommandName,
  type CommandValue,
  decodeReply,
  encodeCommand,
} from '../../node/format/object-command-formats.ts';
import type { BlobRef, ObjectVersion, StoredPart } from '../../node/format/object-formats.ts';

// The register layer takes exactly this function.
const decideAsRegistersDo: Decide = decide;

export const BUCKET_ID = '0011223344556677';
export const UPLOAD = '1'.repeat(32);
export const OBJECT = objectKey(BUCKET_ID, 'key');
export const PART = partKey(BUCKET_ID, UPLOAD, 1);
export const NO_CONDITIONS = { ifMatch: [], ifNoneMatch: [] };

export const id = (number: number) => number.toString(16).padStart(32, '0');
export const blob = (number: number): BlobRef => ({
  blobId: id(number),
  sizeBytes: 100_000,
  k: 4,
  m: 2,
  blockBytes: 262_144,
  displaced: [],
});
export const part = (partNumber: number, blobNumber: number): StoredPart => ({
  partNumber,
  sizeBytes: 100_000,
  etag: `etag${blobNumber}`,
  checksums: {},
  modifiedMs: 5,
  content: { inline: null, blob: blob(blobNumber) },
});
export const version = (blobNumber: number, more: Partial<ObjectVersion> = {}): ObjectVersion => ({
  versionId: id(1_000 + blobNumber),
  modifiedMs: 5,
  sizeBytes: 100_000,
  etag: `etag${blobNumber}`,
  checksums: {},
  checksumType: null,
  headers: {},
  user: {},
  uploadId: null,
  content: { inline: null, blob: blob(blobNumber) },
  parts: [],
  ...more,
});

/** One register, changed as its proposer would. */
export class Register {
  state: RegisterState = { payload: null, live: false };
  readonly key: string;

  constructor(key: string) {
    this.key = key;
  }

  run<N extends CommandName>(name: N, value: CommandValue<N>) {
    const decision = decideAsRegistersDo(this.key, this.state, encodeCommand(name, value));
    if (decision.kind === 'write') this.state = { payload: decision.payload, live: decision.live };
    return { ...decodeReply(decision.reply), wrote: decision.kind === 'write' };
  }

  put(blobNumber: number, conditions = {}, more: Partial<ObjectVersion> = {}) {
    return this.run('putObject', { ...NO_CONDITIONS, ...conditions, version: version(blobNumber, more) }).outcome;
  }

  delete(conditions = {}, onlyVersion: string | null = null) {
    return this.run('deleteObject', { ...NO_CONDITIONS, ...conditions, onlyVersion }).outcome;
  }

  get object() {
    return readObject(this.state);
  }

  get part() {
    return readPart(this.state);
  }

  get etag() {
    return currentVersion(this.object)?.etag ?? null;
  }

  get condemnedIds() {
    const record = this.key[0] === KIND.part ? this.part : this.object;
    return (record?.condemned ?? []).map(({ blobId }) => blobId);
  }
}
