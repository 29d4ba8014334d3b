// The bytes of a drive, version 1, as they were when it was made. They are never edited: a drive outlives the program that
// wrote it. docs/disk-format.md is held to the same lists of fields.
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError, type format } from '../../node/format/codec.ts';
import { CHECKPOINT, decodeCheckpoint, encodeCheckpoint } from '../../node/storage/checkpoint.ts';
import { CorruptionError } from '../../node/storage/drive-store.ts';
import { decodeEntry, type Entry, encodeEntry, INDEX_ENTRY, POINTER } from '../../node/storage/entry.ts';
import { DRIVE_IDENTITY, LOG_DEVICE_IDENTITY } from '../../node/storage/identity.ts';
import { encodeHead, INDEX_HEAD, NODE_REFERENCE } from '../../node/storage/index-head.ts';
import { encodeNode, encodeReference, INDEX_PAGE_BYTES, referenceTo } from '../../node/storage/index-node.ts';
import { LIVE_BYTES } from '../../node/storage/live-bytes.ts';
import {
  decodeFrame,
  decodeLogFileHeader,
  decodeOperations,
  encodeFrame,
  encodeLogFileHeader,
  FRAME_BODY_BYTES_MAX,
  FRAME_HEADER,
  frameSalt,
  LOG_FILE_HEADER,
  LOG_OPERATION,
  type LogOperation,
  SHARD_FILE,
} from '../../node/storage/log-format.ts';
import { SEAL_HEADER, seal, unseal } from '../../node/storage/sealed.ts';
import {
  BlockSums,
  decodeShardFooter,
  decodeShardHeader,
  encodeShardFooter,
  encodeShardHeader,
  SHARD_BLOCK_BYTES,
  SHARD_FILE_FOOTER,
  SHARD_FILE_HEADER,
  shardDataStart,
} from '../../node/storage/shard-format.ts';
import { fieldTable } from '../support/field-table.ts';

const ID = '000102030405060708090a0b0c0d0e0f';
const OTHER = 'f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff';
const GENERATION = '1112131415161718';
const identity = { clusterId: ID, driveId: OTHER, slot: 'a1/d1' };
const checkpoint = {
  driveId: ID,
  sequence: 1,
  file: 2,
  offset: 3,
  segmentFile: 4,
  segmentOffset: 5,
  entryCount: 6,
  entrySum: 7,
  shardCount: 8,
  shardBytes: 9,
};
const operations: LogOperation[] = [
  { key: 'va\u00ff', head: null, file: null, data: Buffer.from('value') },
  { key: 'vb', head: Buffer.from('head'), file: null, data: Buffer.from('') },
  { key: 'vc', head: null, file: null, data: null },
  { key: 'sd', head: Buffer.from('attr'), file: { generation: GENERATION, sizeBytes: 70_000 }, data: null },
];
const pointed: Entry = {
  head: Buffer.from('h'),
  inline: null,
  pointer: { file: 1, offset: 2, lengthBytes: 3, crc: 4 },
  file: null,
};
const inline: Entry = { head: null, inline: Buffer.from('i'), pointer: null, file: null };
const inFile: Entry = { head: null, inline: null, pointer: null, file: { generation: GENERATION, sizeBytes: 5 } };
const shardHeader = {
  blobId: ID,
  position: 5,
  generation: GENERATION,
  blockBytes: SHARD_BLOCK_BYTES,
  attributes: Buffer.from('attr'),
};

const indexLeaf = encodeNode(
  0,
  ['one', 'two'].map((body, i) => ({ key: Buffer.from(`v${'ab'[i]}`), body: Buffer.from(body) })),
);
const leafReference = referenceTo(2, indexLeaf);

const trimmed = (padded: Buffer): string => padded.toString('hex').replace(/(00)+$/, '');

const GOLDEN: readonly (readonly [what: string, encoded: string, golden: string])[] = [
  [
    'a sealed block',
    seal('EIGHTLET', Buffer.from('payload')).toString('hex'),
    '45494748544c455407000000d4b4b0cd7061796c6f6164',
  ],
  [
    'a drive identity',
    DRIVE_IDENTITY.encode({ ...identity, logId: null }).toString('hex'),
    '01000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff0500000061312f643100',
  ],
  [
    'a drive identity with a log device',
    DRIVE_IDENTITY.encode({ ...identity, logId: ID }).toString('hex'),
    '01000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff0500000061312f643101000102030405060708090a0b0c0d0e0f',
  ],
  [
    'a log device identity',
    LOG_DEVICE_IDENTITY.encode({ ...identity, logId: ID }).toString('hex'),
    '01000102030405060708090a0b0c0d0e0ff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff0500000061312f6431000102030405060708090a0b0c0d0e0f',
  ],
  [
    'a log file header',
    encodeLogFileHeader({ driveId: ID, number: 7, firstSequence: 8 }).toString('hex'),
    '4153484c524c4f47210000005a832e2f01000102030405060708090a0b0c0d0e0f07000000000000000800000000000000',
  ],
  [
    'a log frame',
    Buffer.concat(encodeFrame(frameSalt(ID, 7), 9, operations).pieces).toString('hex'),
    '414c52464e00000009000000000000005557d1be0400000003007661ff0000010500000076616c7565020076620104000000686561640001000000000200766300000002007364010400000061747472011112131415161718701101000000000000',
  ],
  ['an index entry with inline data', encodeEntry('vk', inline).toString('hex'), 'bc634e0101000101000000690000'],
  [
    'an index entry with a pointer',
    encodeEntry('vk', pointed).toString('hex'),
    'a594bbbd01010100000068000101000000000000000200000000000000030000000400000000',
  ],
  [
    'an index entry with a shard file',
    encodeEntry('sk', inFile).toString('hex'),
    'd6483a5a010000000111121314151617180500000000000000',
  ],
  [
    'a checkpoint',
    encodeCheckpoint(checkpoint).toString('hex'),
    '4153484c52434b5059000000c789ed3801000102030405060708090a0b0c0d0e0f010000000000000002000000000000000300000000000000040000000000000005000000000000000600000000000000070000000000000008000000000000000900000000000000',
  ],
  [
    'a leaf of the index',
    trimmed(indexLeaf),
    '0100000002000000100000001b00000002000300000076616f6e65020003000000766274776f',
  ],
  [
    'a node above the leaves',
    trimmed(encodeNode(1, [{ key: Buffer.alloc(0), body: encodeReference(leafReference) }])),
    '01010000010000000c00000000000c00000002000000000001005522b06d',
  ],
  [
    'an index head',
    trimmed(encodeHead({ transaction: 9, root: leafReference, level: 0, usedPages: 1, endPage: 5 })),
    '4153484c5249445829000000ee928bba01090000000000000001020000000000000001005522b06d00010000000000000005',
  ],
  [
    'live bytes',
    seal('ASHLRLIV', LIVE_BYTES.encode({ file: 3, liveBytes: 4 })).toString('hex'),
    '4153484c524c495611000000dfb3832e0103000000000000000400000000000000',
  ],
  [
    'a shard file header',
    trimmed(encodeShardHeader(shardHeader)),
    '4153484c525348442600000023ffe9f901000102030405060708090a0b0c0d0e0f051112131415161718000001000400000061747472',
  ],
  [
    'a shard file footer',
    encodeShardFooter({ sizeBytes: 70_000, blockCrcs: [1, 2] }).toString('hex'),
    '4153484c52454e4415000000f68f7e0c017011010000000000020000000100000002000000',
  ],
  ['the checksums of blocks', blockSums(Buffer.alloc(70_000, 'd')), '6a431b54,4d72b17e'],
];

function blockSums(data: Buffer): string {
  const sums = new BlockSums({ blobId: ID, position: 5 }, GENERATION);
  sums.add(data.subarray(0, 10));
  sums.add(data.subarray(10));
  return sums
    .finish()
    .map((crc) => crc.toString(16))
    .join(',');
}

describe('the formats of a drive, version 1', () => {
  it.each(GOLDEN)('write %s as ever', (_what, encoded, golden) => {
    expect(encoded).toBe(golden);
  });

  it('read back what they wrote', () => {
    expect(decodeCheckpoint(encodeCheckpoint(checkpoint))).toEqual(checkpoint);
    expect(decodeShardHeader(encodeShardHeader(shardHeader))).toEqual(shardHeader);
    expect(decodeEntry('vk', encodeEntry('vk', pointed), 'd1')).toEqual(pointed);
    expect(decodeEntry('vk', encodeEntry('vk', inline), 'd1')).toEqual(inline);
    expect(decodeEntry('sk', encodeEntry('sk', inFile), 'd1')).toEqual(inFile);
    const { pieces, dataOffsets } = encodeFrame(frameSalt(ID, 7), 9, operations);
    const encoded = Buffer.concat(pieces);
    const frame = decodeFrame(frameSalt(ID, 7), encoded, 0)!;
    expect(frame).toMatchObject({ sequence: 9, lengthBytes: encoded.length });
    expect(decodeOperations(frame.body)).toEqual(
      operations.map((operation, i) => ({ ...operation, dataOffset: dataOffsets[i] })),
    );
    expect(encoded.toString('latin1', dataOffsets[0], dataOffsets[0]! + 5)).toBe('value');
  });

  it('start the data of a shard at a multiple of the page', () => {
    expect([0, 4_046, 4_047, 65_536].map(shardDataStart)).toEqual([4_096, 4_096, 8_192, 69_632]);
    expect(encodeShardHeader(shardHeader)).toHaveLength(4_096);
  });

  it('take a frame for one only on the drive and in the file that it was written to', () => {
    const encoded = Buffer.concat(encodeFrame(frameSalt(ID, 7), 9, operations).pieces);
    expect(decodeFrame(frameSalt(ID, 8), encoded, 0)).toBeNull();
    expect(decodeFrame(frameSalt(OTHER, 7), encoded, 0)).toBeNull();
  });

  it('take an entry for one only under its own key', () => {
    expect(() => decodeEntry('vl', encodeEntry('vk', inline), 'd1')).toThrow(CorruptionError);
  });

  it('notice every flipped bit', () => {
    const salt = frameSalt(ID, 7);
    const cases: [Buffer, (input: Buffer) => unknown][] = [
      [encodeLogFileHeader({ driveId: ID, number: 7, firstSequence: 8 }), decodeLogFileHeader],
      [encodeCheckpoint(checkpoint), decodeCheckpoint],
      [encodeShardFooter({ sizeBytes: 70_000, blockCrcs: [1, 2] }), decodeShardFooter],
      [encodeEntry('vk', pointed), (input) => decodeEntry('vk', input, 'd1')],
      [
        Buffer.concat(encodeFrame(salt, 9, operations).pieces),
        (input) => {
          if (decodeFrame(salt, input, 0) === null) throw new FormatError('no frame');
        },
      ],
    ];
    for (const [encoded, decode] of cases) {
      for (let bit = 0; bit < encoded.length * 8; bit++) {
        const damaged = Buffer.from(encoded);
        damaged[bit >> 3] = damaged[bit >> 3]! ^ (1 << (bit & 7));
        expect(() => decode(damaged)).toThrow();
      }
    }
  });

  it('give a value or say what is wrong, whatever they are given', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
        const buffer = Buffer.from(input);
        expect(() => decodeLogFileHeader(buffer)).toThrow(FormatError);
        expect(() => decodeShardFooter(buffer)).toThrow(FormatError);
        expect(() => unseal('EIGHTLET', buffer)).toThrow(FormatError);
        expect(() => decodeEntry('v', buffer, 'd1')).toThrow(CorruptionError);
        expect(decodeFrame(0, buffer, 0)).toBeNull();
      }),
    );
  });
});

describe('docs/disk-format.md', () => {
  const document = readFileSync(new URL('../../docs/disk-format.md', import.meta.url), 'utf8');

  it.each([
    ['sealed block', SEAL_HEADER.fields],
    ['drive identity', DRIVE_IDENTITY.fields],
    ['log device identity', LOG_DEVICE_IDENTITY.fields],
    ['log file header', LOG_FILE_HEADER.fields],
    ['log frame', FRAME_HEADER.fields],
    ['log operation', LOG_OPERATION.fields],
    ['shard file', SHARD_FILE.fields],
    ['index head', INDEX_HEAD.fields],
    ['node reference', NODE_REFERENCE.fields],
    ['index entry', INDEX_ENTRY.fields],
    ['pointer', POINTER.fields],
    ['checkpoint', CHECKPOINT.fields],
    ['live bytes', LIVE_BYTES.fields],
    ['shard file header', SHARD_FILE_HEADER.fields],
    ['shard file footer', SHARD_FILE_FOOTER.fields],
  ])('has the fields of: %s', (name, fields) => {
    expect(document).toContain(`### ${name}\n`);
    expect(document).toContain(fieldTable(fields));
  });

  it('has the limits', () => {
    for (const limit of [FRAME_BODY_BYTES_MAX, SHARD_BLOCK_BYTES, INDEX_PAGE_BYTES]) {
      expect(document).toContain(limit.toLocaleString('en-US'));
    }
  });

  it('gives every format the version that it says', () => {
    const formats: ReturnType<typeof format>[] = [DRIVE_IDENTITY, LOG_DEVICE_IDENTITY, LOG_FILE_HEADER, INDEX_ENTRY];
    formats.push(INDEX_HEAD, CHECKPOINT, LIVE_BYTES, SHARD_FILE_HEADER, SHARD_FILE_FOOTER);
    expect(formats.map(({ version }) => version)).toEqual(formats.map(() => 1));
    expect(document).toContain('version 1');
  });
});
