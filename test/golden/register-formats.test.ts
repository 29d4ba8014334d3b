// The bytes of what a replica keeps, version 1, as they were when it was made. They are never edited: a drive outlives the program
// that wrote it. docs/disk-format.md is held to the same lists of fields.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Format, FormatError } from '../../node/format/codec.ts';
import { partitionRecord, registerHead, registerRecord } from '../../node/format/register-formats.ts';
import { fieldTable } from '../support/field-table.ts';

const version = { ballot: { round: 3, proposer: '0123456789abcdef' }, sequence: 7 };

const FORMATS: readonly (readonly [name: string, format: Format<never>, value: unknown, golden: string])[] = [
  [
    'register record',
    registerRecord as Format<never>,
    {
      version,
      value: {
        live: true,
        recent: [{ asker: '0011223344556677', number: 5, hasWritten: true }],
        payload: Buffer.from('payload'),
      },
    },
    '0103000000000000000123456789abcdef07000000000000000101000000001122334455667705000000000000000107000000' +
      Buffer.from('payload').toString('hex'),
  ],
  [
    'register head',
    registerHead as Format<never>,
    { version, live: true, summary: Buffer.from('summary') },
    `0103000000000000000123456789abcdef0700000000000000010107000000${Buffer.from('summary').toString('hex')}`,
  ],
  [
    'register head without a summary',
    registerHead as Format<never>,
    { version, live: true, summary: null },
    '0103000000000000000123456789abcdef07000000000000000100',
  ],
  [
    'partition record',
    partitionRecord as Format<never>,
    { promised: version.ballot, chosen: [version] },
    '0103000000000000000123456789abcdef0100000003000000000000000123456789abcdef0700000000000000',
  ],
];

describe('what a replica keeps, version 1', () => {
  it.each(FORMATS)('%s is written as ever, and read back', (_, format, value, golden) => {
    expect(format.encode(value as never).toString('hex')).toBe(golden);
    expect(format.decode(Buffer.from(golden, 'hex'))).toEqual(value);
  });

  it.each(FORMATS)('%s cut short, lengthened or of another version is refused', (_, format, __, golden) => {
    const bytes = Buffer.from(golden, 'hex');
    for (let end = 0; end < bytes.length; end++) {
      expect(() => format.decode(bytes.subarray(0, end))).toThrow(FormatError);
    }
    expect(() => format.decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(FormatError);
    expect(() => format.decode(Buffer.concat([Buffer.from([2]), bytes.subarray(1)]))).toThrow(FormatError);
  });

  it('is described in docs/disk-format.md by the fields that are written', () => {
    const page = readFileSync(new URL('../../docs/disk-format.md', import.meta.url), 'utf8');
    for (const { fields } of [registerRecord, registerHead, partitionRecord])
      expect(page).toContain(fieldTable(fields));
  });
});
