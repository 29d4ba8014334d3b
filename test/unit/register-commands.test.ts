// What commands do to registers, case by case.
import { describe, expect, it } from 'vitest';
import type { RegisterState } from '../../node/cluster/registers.ts';
import { decide } from '../../node/core/decide.ts';
import { bucketKey, MAP_KEY, uploadKey } from '../../node/core/keys.ts';
import { readMap, readSetMapReply, setMapCommand } from '../../node/core/map-commands.ts';
import { CONDEMNED_MAX, UPLOADS_PER_KEY_MAX } from '../../node/core/object-commands.ts';
import { objectBlobs, partBlobs, summarize } from '../../node/core/object-record.ts';
import { FormatError } from '../../node/format/codec.ts';
import { encodeCommand } from '../../node/format/object-command-formats.ts';
import {
  bucketRecord,
  objectRecord,
  objectSummary,
  partSummary,
  uploadRecord,
} from '../../node/format/object-formats.ts';

import { BUCKET_ID, blob, id, OBJECT, PART, part, Register, UPLOAD, version } from '../cluster-fakes/one-register.ts';

describe('conditions on objects', () => {
  it.each([
    [{ ifNoneMatch: ['*'] }, null, 'ok'],
    [{ ifNoneMatch: ['*'] }, 1, 'precondition-failed'],
    [{ ifNoneMatch: ['etag1'] }, 1, 'precondition-failed'],
    [{ ifNoneMatch: ['etag2', 'etag3'] }, 1, 'ok'],
    [{ ifMatch: ['*'] }, null, 'absent'],
    [{ ifMatch: ['etag1'] }, null, 'absent'],
    [{ ifMatch: ['*'] }, 1, 'ok'],
    [{ ifMatch: ['etag1'] }, 1, 'ok'],
    [{ ifMatch: ['etag0', 'etag1'] }, 1, 'ok'],
    [{ ifMatch: ['etag2'] }, 1, 'precondition-failed'],
    [{ ifMatch: ['etag1'], ifNoneMatch: ['etag1'] }, 1, 'precondition-failed'],
  ])('%j on an object %j: %s, for putting and for deleting', (conditions, present, outcome) => {
    for (const change of ['put', 'delete'] as const) {
      const register = new Register(OBJECT);
      if (present !== null) register.put(present);
      expect(change === 'put' ? register.put(9, conditions) : register.delete(conditions)).toBe(outcome);
      const before = present === null ? null : `etag${present}`;
      const after = change === 'put' ? 'etag9' : null;
      expect(register.etag).toBe(outcome === 'ok' ? after : before);
    }
  });
});

describe('an object register', () => {
  it('condemns what it drops in the very same write, and forgets it only when it is cleared', () => {
    const register = new Register(OBJECT);
    register.put(1);
    register.put(2);
    expect(register.condemnedIds).toEqual([id(1)]);
    register.delete();
    expect(register.condemnedIds).toEqual([id(1), id(2)]);
    expect(register.state.live).toBe(false);
    register.run('clearCondemned', { blobIds: [id(1)] });
    expect(register.condemnedIds).toEqual([id(2)]);
    register.run('clearCondemned', { blobIds: [id(2)] });
    expect(register.state).toEqual({ payload: new Uint8Array(), live: false });
  });

  it('takes only the named version back', () => {
    const register = new Register(OBJECT);
    register.put(1);
    expect(register.delete({}, id(7))).toBe('absent');
    expect(register.etag).toBe('etag1');
    expect(register.delete({}, version(1).versionId)).toBe('ok');
    expect(register.etag).toBeNull();
  });

  it('never owns a condemned blob, not even after its shards are gone', () => {
    const register = new Register(OBJECT);
    expect(register.run('condemn', { objectKey: 'key', blob: blob(1) }).outcome).toBe('ok');
    expect(register.put(1)).toBe('condemned');
    register.run('clearCondemned', { blobIds: [id(1)] });
    expect(register.put(1)).toBe('condemned');
    expect(register.put(2)).toBe('ok');
    expect(register.run('condemn', { objectKey: 'key', blob: blob(2) })).toMatchObject({
      outcome: 'owned',
      wrote: false,
    });
    expect(register.etag).toBe('etag2');
  });

  it('takes no further version while too many blobs wait for deletion, but can always be deleted', () => {
    const register = new Register(OBJECT);
    const condemned = Array.from({ length: CONDEMNED_MAX }, (_, at) => blob(10_000 + at));
    register.state = {
      payload: objectRecord.encode({ versions: [version(1)], uploads: [], condemned, banned: [] }),
      live: true,
    };
    expect(register.put(2)).toBe('full');
    expect(register.delete()).toBe('ok');
    expect(register.condemnedIds).toHaveLength(CONDEMNED_MAX + 1);
  });

  it('completes an upload once, and only while it is open', () => {
    const register = new Register(OBJECT);
    const completed = { uploadId: UPLOAD, content: null, parts: [part(1, 5), part(2, 6)] };
    expect(register.put(1, {}, completed)).toBe('not-open');
    expect(register.run('openUpload', { uploadId: UPLOAD, startedMs: 1 }).outcome).toBe('ok');
    expect(register.state.live).toBe(false);
    expect(register.put(1, { ifMatch: ['*'] }, completed)).toBe('absent');
    expect(register.put(1, {}, completed)).toBe('ok');
    expect(register.put(1, {}, completed)).toBe('completed');
    expect(register.run('abortUpload', { uploadId: UPLOAD }).outcome).toBe('completed');
    expect(register.object.uploads).toEqual([
      {
        uploadId: UPLOAD,
        startedMs: 1,
        state: 'completed',
        kept: [
          { partNumber: 1, blobId: id(5) },
          { partNumber: 2, blobId: id(6) },
        ],
      },
    ]);
    register.run('finishUpload', { uploadId: UPLOAD });
    expect(register.put(1, {}, completed)).toBe('not-open');
  });

  it('aborts an upload for good, and does not finish one that is open', () => {
    const register = new Register(OBJECT);
    expect(register.run('abortUpload', { uploadId: UPLOAD }).outcome).toBe('absent');
    register.run('openUpload', { uploadId: UPLOAD, startedMs: 1 });
    register.run('finishUpload', { uploadId: UPLOAD });
    expect(register.object.uploads).toHaveLength(1);
    expect(register.run('abortUpload', { uploadId: UPLOAD }).outcome).toBe('ok');
    expect(register.run('abortUpload', { uploadId: UPLOAD })).toMatchObject({ outcome: 'ok', wrote: false });
    expect(register.put(1, {}, { uploadId: UPLOAD })).toBe('not-open');
    register.run('finishUpload', { uploadId: UPLOAD });
    expect(register.state).toEqual({ payload: new Uint8Array(), live: false });
  });

  it('takes a bounded number of uploads', () => {
    const register = new Register(OBJECT);
    const open = (at: number) => register.run('openUpload', { uploadId: id(at), startedMs: 1 }).outcome;
    for (let at = 0; at < UPLOADS_PER_KEY_MAX; at++) expect(open(at)).toBe('ok');
    expect(open(0)).toBe('ok');
    expect(open(UPLOADS_PER_KEY_MAX)).toBe('full');
  });

  it('notes that shards are in their places, of whole objects and of parts', () => {
    const register = new Register(OBJECT);
    const displaced = [
      { position: 1, handOffSlot: 'a1/d1' },
      { position: 3, handOffSlot: null },
    ];
    register.put(1, {}, { content: { inline: null, blob: { ...blob(1), displaced } } });
    expect(register.run('clearDisplaced', { blobId: id(2), positions: [1] }).outcome).toBe('absent');
    register.run('clearDisplaced', { blobId: id(1), positions: [1, 2] });
    expect(objectBlobs(register.object)[0]!.displaced).toEqual([{ position: 3, handOffSlot: null }]);
    const moved = { ...part(1, 4), content: { inline: null, blob: { ...blob(4), displaced } } };
    register.put(2, {}, { content: null, parts: [moved] });
    register.run('clearDisplaced', { blobId: id(4), positions: [1, 3] });
    expect(objectBlobs(register.object)[0]!.displaced).toEqual([]);
  });
});

describe('a part register', () => {
  const putPart = (register: Register, blobNumber: number) =>
    register.run('putPart', { objectKey: 'key', part: part(1, blobNumber) }).outcome;

  it('keeps what was superseded until the fate of the upload is known, and then condemns all but what was kept', () => {
    const register = new Register(PART);
    for (const number of [1, 2, 3]) expect(putPart(register, number)).toBe('ok');
    expect(
      partBlobs(register.part!)
        .map(({ blobId }) => blobId)
        .sort(),
    ).toEqual([id(1), id(2), id(3)]);
    expect(register.condemnedIds).toEqual([]);
    register.run('removePart', { kept: [id(2)] });
    expect(register.state.live).toBe(false);
    expect([...register.condemnedIds].sort()).toEqual([id(1), id(3)]);
  });

  it('that was removed without a blob left over may be forgotten', () => {
    const register = new Register(PART);
    putPart(register, 1);
    register.run('removePart', { kept: [id(1)] });
    expect(register.state).toEqual({ payload: new Uint8Array(), live: false });
    expect(register.run('removePart', { kept: [] })).toMatchObject({ outcome: 'ok', wrote: false });
  });

  it('never takes a condemned blob, until its bans are forgotten with everything else', () => {
    const register = new Register(PART);
    register.run('condemn', { objectKey: 'key', blob: blob(1) });
    expect(register.part!.objectKey).toBe('key');
    expect(putPart(register, 1)).toBe('condemned');
    expect(register.run('forgetBans', {}).outcome).toBe('owned');
    register.run('clearCondemned', { blobIds: [id(1)] });
    expect(putPart(register, 1)).toBe('condemned');
    expect(register.run('forgetBans', {}).outcome).toBe('ok');
    expect(register.state).toEqual({ payload: new Uint8Array(), live: false });
  });
});

describe('other registers', () => {
  it('an upload is put once and removed', () => {
    const register = new Register(uploadKey(BUCKET_ID, 'key', UPLOAD));
    const record = uploadRecord.encode({
      startedMs: 1,
      headers: {},
      user: {},
      checksumAlgorithm: null,
      checksumType: null,
    });
    expect(register.run('putUpload', { record }).outcome).toBe('ok');
    expect(register.run('putUpload', { record }).outcome).toBe('exists');
    expect(register.run('remove', {}).outcome).toBe('ok');
    expect(register.state).toEqual({ payload: new Uint8Array(), live: false });
    expect(register.run('remove', {})).toMatchObject({ outcome: 'ok', wrote: false });
  });

  it('a bucket is removed only by the deletion that is still under way', () => {
    const register = new Register(bucketKey('bucket'));
    const record = bucketRecord.encode({ name: 'bucket', id: BUCKET_ID, createdMs: 1, deletion: null });
    const [first, second] = ['1'.repeat(16), '2'.repeat(16)];
    expect(register.run('beginBucketDeletion', { id: BUCKET_ID, deletion: first! }).outcome).toBe('absent');
    expect(register.run('createBucket', { record }).outcome).toBe('ok');
    expect(register.run('createBucket', { record })).toMatchObject({ outcome: 'exists', found: Buffer.from(record) });
    expect(register.run('removeBucket', { id: BUCKET_ID, deletion: first! }).outcome).toBe('conflict');
    register.run('beginBucketDeletion', { id: BUCKET_ID, deletion: first! });
    register.run('beginBucketDeletion', { id: BUCKET_ID, deletion: second! });
    expect(register.run('removeBucket', { id: BUCKET_ID, deletion: first! }).outcome).toBe('conflict');
    expect(register.run('cancelBucketDeletion', { id: BUCKET_ID, deletion: first! }).outcome).toBe('conflict');
    expect(register.run('cancelBucketDeletion', { id: BUCKET_ID, deletion: null }).outcome).toBe('ok');
    expect(register.run('removeBucket', { id: BUCKET_ID, deletion: second! }).outcome).toBe('conflict');
    register.run('beginBucketDeletion', { id: BUCKET_ID, deletion: second! });
    expect(register.run('removeBucket', { id: '7'.repeat(16), deletion: second! }).outcome).toBe('absent');
    expect(register.run('removeBucket', { id: BUCKET_ID, deletion: second! }).outcome).toBe('ok');
    expect(register.state.live).toBe(false);
    expect(register.run('createBucket', { record }).outcome).toBe('ok');
  });

  it('the map changes from one epoch to the next, and tells who comes too late what is there', () => {
    let state: RegisterState = { payload: null, live: false };
    const set = (expectedEpoch: number, map: string) => {
      const decision = decide(MAP_KEY, state, setMapCommand(expectedEpoch, Buffer.from(map)));
      if (decision.kind === 'write') state = decision;
      return readSetMapReply(decision.reply);
    };
    expect(set(1, 'early')).toEqual({ isSet: false, current: null });
    expect(set(0, 'first').isSet).toBe(true);
    expect(set(0, 'again')).toEqual({ isSet: false, current: { epoch: 1, map: Buffer.from('first') } });
    expect(set(1, 'second').isSet).toBe(true);
    expect(readMap(state)).toEqual({ epoch: 2, map: Buffer.from('second') });
    expect(readSetMapReply(new Uint8Array())).toEqual({ isSet: true, current: null });
  });

  it('refuse commands that are not for them, and bytes that are no command', () => {
    const state = { payload: null, live: false };
    const remove = encodeCommand('remove', {});
    for (const key of [OBJECT, PART, bucketKey('bucket'), MAP_KEY, 'x']) {
      expect(() => decide(key, state, remove)).toThrow(FormatError);
    }
    const wrong = encodeCommand('clearCondemned', { blobIds: [] });
    expect(() => decide(uploadKey(BUCKET_ID, 'key', UPLOAD), state, wrong)).toThrow(FormatError);
    for (const bytes of [Buffer.alloc(0), Buffer.from([0]), Buffer.from([99, 1])]) {
      expect(() => decide(OBJECT, state, bytes)).toThrow(FormatError);
    }
  });
});

describe('summaries', () => {
  it('leave bodies, parts and metadata at home', () => {
    const inline = { inline: Buffer.alloc(8_192), blob: null };
    const object = new Register(OBJECT);
    object.put(1, {}, { content: inline, user: { colour: 'blue' } });
    const summary = summarize(OBJECT, object.state.payload!);
    expect(objectSummary.decode(summary)).toMatchObject({ etag: 'etag1', sizeBytes: 100_000, modifiedMs: 5 });
    expect(summary.length).toBeLessThan(50);
    const register = new Register(PART);
    register.run('putPart', { objectKey: 'key', part: { ...part(1, 1), content: inline } });
    expect(partSummary.decode(summarize(PART, register.state.payload!))).toMatchObject({
      etag: 'etag1',
      modifiedMs: 5,
    });
    expect(summarize('u', Buffer.from('whole'))).toEqual(Buffer.from('whole'));
  });
});
