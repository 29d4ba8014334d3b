// What holds for every sequence of commands to a register, and for all bytes that claim to be a command.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { objectBlobs, partBlobs } from '../../node/core/object-record.ts';
import { FormatError } from '../../node/format/codec.ts';
import {
  COMMANDS,
  type CommandName,
  decodeCommand,
  decodeReply,
  encodeCommand,
} from '../../node/format/object-command-formats.ts';
import { blob, id, NO_CONDITIONS, OBJECT, PART, part, Register, version } from '../cluster-fakes/one-register.ts';

describe('for every sequence of commands', () => {
  const number = fc.integer({ min: 1, max: 6 });
  const upload = fc.constantFrom(id(1), id(2));
  const objectCommand = fc.oneof(
    fc
      .record({ blob: number, upload: fc.option(upload), tags: fc.subarray(['*', 'etag1', 'etag2']) })
      .map(({ blob: first, upload: uploadId, tags }) => [
        'putObject',
        {
          ifMatch: [],
          ifNoneMatch: tags,
          version: version(
            first,
            uploadId === null ? {} : { uploadId, content: null, parts: [part(1, first), part(2, first + 1)] },
          ),
        },
      ]),
    fc.constant(['deleteObject', { ...NO_CONDITIONS, onlyVersion: null }]),
    upload.map((uploadId) => ['openUpload', { uploadId, startedMs: 1 }]),
    upload.map((uploadId) => ['abortUpload', { uploadId }]),
    upload.map((uploadId) => ['finishUpload', { uploadId }]),
    number.map((value) => ['condemn', { objectKey: 'key', blob: blob(value) }]),
    number.map((value) => ['clearCondemned', { blobIds: [id(value)] }]),
  );
  const partCommand = fc.oneof(
    number.map((value) => ['putPart', { objectKey: 'key', part: part(1, value) }]),
    number.map((value) => ['removePart', { kept: [id(value)] }]),
    number.map((value) => ['condemn', { objectKey: 'key', blob: blob(value) }]),
    number.map((value) => ['clearCondemned', { blobIds: [id(value)] }]),
  );

  it.each([
    ['object', OBJECT, objectCommand],
    ['part', PART, partCommand],
  ])(
    'to an %s register: it writes only what is ok, loses no blob, and never owns what it condemned',
    (_, key, command) => {
      fc.assert(
        fc.property(fc.array(command as fc.Arbitrary<[CommandName, never]>, { maxLength: 30 }), (commands) => {
          const register = new Register(key);
          const owned = () =>
            (key === PART
              ? register.part === null
                ? []
                : partBlobs(register.part)
              : objectBlobs(register.object)
            ).map(({ blobId }) => blobId);
          for (const [name, value] of commands) {
            const before = new Set([...owned(), ...register.condemnedIds]);
            const { outcome, wrote, condemnedCount } = register.run(name, value);
            if (wrote) expect(outcome).toBe('ok');
            const after = new Set([...owned(), ...register.condemnedIds]);
            const cleared: string[] = name === 'clearCondemned' ? (value as { blobIds: string[] }).blobIds : [];
            const kept: string[] = name === 'removePart' ? (value as { kept: string[] }).kept : [];
            for (const blobId of before) {
              if (!cleared.includes(blobId) && !kept.includes(blobId)) expect(after).toContain(blobId);
            }
            for (const blobId of owned()) expect(register.condemnedIds).not.toContain(blobId);
            expect(condemnedCount).toBe(register.condemnedIds.length);
            const isNothing = register.state.payload === null || register.state.payload.length === 0;
            if (after.size > 0 || register.state.live) expect(isNothing).toBe(false);
          }
        }),
        { numRuns: 500 },
      );
    },
  );
});

describe('command bytes', () => {
  it('have a tag of their own for every command', () => {
    const tags = Object.values(COMMANDS).map(({ tag }) => tag);
    expect(new Set(tags).size).toBe(tags.length);
    expect(decodeCommand(encodeCommand('remove', {}))).toEqual({ name: 'remove', value: {} });
  });

  it('decode to a command or throw FormatError, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.integer({ min: 0, max: 20 }), (bytes, tag) => {
        try {
          decodeCommand(Buffer.concat([Buffer.from([tag, 1]), bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('an empty reply means ok', () => {
    expect(decodeReply(new Uint8Array())).toMatchObject({ outcome: 'ok' });
  });
});
