// The bytes of records and shard attributes, version 1, as they were when they were made. They are never edited: they lie on
// drives. docs/objects.md is held to the same lists of fields.
import { readFileSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sealBlock } from '../../node/format/block-seal.ts';
import { type Fields, type Format, FormatError } from '../../node/format/codec.ts';
import { encodeCommand, encodeReply } from '../../node/format/object-command-formats.ts';
import {
  blobRef,
  bucketRecord,
  mapRecord,
  objectRecord,
  objectSummary,
  objectVersion,
  partRecord,
  partSummary,
  storedPart,
  uploadRecord,
} from '../../node/format/object-formats.ts';
import { shardAttributes } from '../../node/format/shard-formats.ts';
import { fieldTable } from '../support/field-table.ts';

const ID = '000102030405060708090a0b0c0d0e0f';
const BLOB = {
  blobId: ID,
  sizeBytes: 300_000,
  k: 4,
  m: 2,
  blockBytes: 262_144,
  displaced: [
    { position: 1, handOffSlot: 'a1/d1' },
    { position: 5, handOffSlot: null },
  ],
};
const PART = {
  partNumber: 7,
  sizeBytes: 300_000,
  etag: 'e',
  checksums: { crc32: 'AA==' },
  modifiedMs: 1_700_000_000_000,
  content: { inline: null, blob: BLOB },
};
const VERSION = {
  versionId: ID,
  modifiedMs: 1_700_000_000_000,
  sizeBytes: 2,
  etag: 'e',
  checksums: { crc32: 'AA==' },
  checksumType: 'FULL_OBJECT' as const,
  headers: { 'content-type': 'a/b' },
  user: { c: 'd' },
  uploadId: null,
  content: { inline: Buffer.from('hi'), blob: null },
  parts: [],
};
const MULTIPART = {
  ...VERSION,
  sizeBytes: 300_000,
  checksums: {},
  checksumType: null,
  headers: {},
  user: {},
  uploadId: ID,
  content: null,
  parts: [PART],
};

/** A row of the table: what it is, its bytes now, its bytes when it was made, and reading and writing again. */
function row<T>(what: string, format: Format<T>, value: T, golden: string) {
  const decode = (bytes: Uint8Array): Buffer => format.encode(format.decode(bytes));
  return [what, { encoded: format.encode(value).toString('hex'), golden, decode }] as const;
}

const GOLDEN = [
  row(
    'an object with an inline body',
    objectRecord,
    { versions: [VERSION], uploads: [], condemned: [BLOB], banned: [] },
    '0101000000000102030405060708090a0b0c0d0e0f0068e5cf8b01000002000000000000000100000065010000000500000063726333320400000041413d3d0101010000000c000000636f6e74656e742d7479706503000000612f62010000000100000063010000006400010102000000686900000000000000000001000000000102030405060708090a0b0c0d0e0fe0930400000000000402000004000200000001010500000061312f6431050000000000',
  ),
  row(
    'an object made of parts',
    objectRecord,
    {
      versions: [MULTIPART],
      uploads: [{ uploadId: ID, state: 'completed', startedMs: 1, kept: [{ partNumber: 7, blobId: ID }] }],
      condemned: [],
      banned: [ID],
    },
    '0101000000000102030405060708090a0b0c0d0e0f0068e5cf8b010000e09304000000000001000000650000000000000000000000000001000102030405060708090a0b0c0d0e0f00010000000700e0930400000000000100000065010000000500000063726333320400000041413d3d0068e5cf8b0100000001000102030405060708090a0b0c0d0e0fe0930400000000000402000004000200000001010500000061312f6431050001000000000102030405060708090a0b0c0d0e0f010100000000000000010000000700000102030405060708090a0b0c0d0e0f0000000001000000000102030405060708090a0b0c0d0e0f',
  ),
  row(
    'a part',
    partRecord,
    { objectKey: 'key', part: PART, superseded: [], condemned: [], banned: [] },
    '01030000006b6579010700e0930400000000000100000065010000000500000063726333320400000041413d3d0068e5cf8b0100000001000102030405060708090a0b0c0d0e0fe0930400000000000402000004000200000001010500000061312f64310500000000000000000000000000',
  ),
  row(
    'an upload',
    uploadRecord,
    {
      startedMs: 1,
      headers: { 'content-type': 'a/b' },
      user: {},
      checksumAlgorithm: 'crc32',
      checksumType: 'COMPOSITE',
    },
    '010100000000000000010000000c000000636f6e74656e742d7479706503000000612f6200000000010500000063726333320100',
  ),
  row(
    'a bucket',
    bucketRecord,
    { name: 'b', id: ID.slice(0, 16), createdMs: 1, deletion: ID.slice(16) },
    '010100000062000102030405060701000000000000000108090a0b0c0d0e0f',
  ),
  row('the cluster map', mapRecord, { epoch: 3, map: Buffer.from('m') }, '010300000000000000010000006d'),
  row(
    'the summary of an object',
    objectSummary,
    VERSION,
    '010068e5cf8b01000002000000000000000100000065010000000500000063726333320400000041413d3d0101',
  ),
  row(
    'the summary of a part',
    partSummary,
    PART,
    '01e0930400000000000100000065010000000500000063726333320400000041413d3d0068e5cf8b010000',
  ),
  row(
    'the attributes of a shard',
    shardAttributes,
    { owners: ['pA', 'oB'], k: 4, m: 2, blockBytes: 262_144, writtenMs: 1 },
    '0102000000020000007041020000006f420402000004000100000000000000',
  ),
];

describe('records, version 1', () => {
  it.each(GOLDEN)('%s is written as ever, and read back', (_, { encoded, golden, decode }) => {
    expect(encoded).toBe(golden);
    expect(decode(Buffer.from(golden, 'hex')).toString('hex')).toBe(golden);
  });

  it.each(GOLDEN)('%s cut short, lengthened or of another version is refused', (_, { golden, decode }) => {
    const bytes = Buffer.from(golden, 'hex');
    for (let end = 0; end < bytes.length; end++) expect(() => decode(bytes.subarray(0, end))).toThrow(FormatError);
    expect(() => decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(FormatError);
    expect(() => decode(Buffer.concat([Buffer.from([2]), bytes.subarray(1)]))).toThrow(FormatError);
  });

  it.each(GOLDEN)('bytes that claim to be %s give a value or a FormatError', (_, { decode }) => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
        try {
          decode(Buffer.concat([Buffer.from([1]), bytes]));
        } catch (error) {
          expect(error).toBeInstanceOf(FormatError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('a command and a reply', () => {
  it('are written as ever', () => {
    const put = encodeCommand('putObject', { ifMatch: ['x'], ifNoneMatch: ['*'], version: VERSION });
    expect(put.toString('hex')).toBe(
      '010101000000010000007801000000010000002a000102030405060708090a0b0c0d0e0f0068e5cf8b01000002000000000000000100000065010000000500000063726333320400000041413d3d0101010000000c000000636f6e74656e742d7479706503000000612f6201000000010000006301000000640001010200000068690000000000',
    );
    const reply = encodeReply({ outcome: 'full', condemnedCount: 2, found: Buffer.from('x') });
    expect(reply.toString('hex')).toBe('0109020000000100000078');
  });
});

describe('a sealed block', () => {
  it('is written as ever', () => {
    const sealed = Buffer.from('3132333435363738390000000000', 'hex').subarray(0, 13);
    sealBlock({ blobId: ID, position: 3, stripe: 258 }, sealed);
    const name = Buffer.from(`${ID}0302010000`, 'hex');
    const expected = Buffer.alloc(4);
    expected.writeUInt32LE(crc32(Buffer.concat([name, Buffer.from('123456789')])));
    expect(sealed.toString('hex')).toBe(`313233343536373839${expected.toString('hex')}`);
  });
});

describe('docs/objects.md', () => {
  const page = readFileSync(new URL('../../docs/objects.md', import.meta.url), 'utf8');
  const formats: readonly { readonly fields: Fields }[] = [
    objectRecord,
    objectVersion,
    storedPart,
    blobRef,
    partRecord,
    uploadRecord,
    bucketRecord,
    mapRecord,
    shardAttributes,
  ];

  it('has the fields of every record', () => {
    for (const { fields } of formats) expect(page).toContain(fieldTable(fields));
  });
});
