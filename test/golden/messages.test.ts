// The bytes of the messages between nodes, version 1, as they were when they were made: nodes of different ages talk to each
// other, so they are never edited. docs/wire-protocol.md is held to the same lists of fields (test/support/write-message-docs.ts).
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RPC_ERRORS } from '../../node/cluster/rpc.ts';
import { type Format, FormatError } from '../../node/format/codec.ts';
import { MESSAGE_HEADER_BYTES, messageHeader } from '../../node/format/rpc-formats.ts';
import { fieldTable } from '../support/field-table.ts';
import { METHODS, messagesDocument, sampleOf } from '../support/message-doc.ts';

const golden = new Map<string, string>(
  readFileSync(new URL('./messages.txt', import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [, name, side, hex] = /^(\S+) (request|answer) ([0-9a-f]+)$/.exec(line)!;
      return [`${name} ${side}`, hex!] as const;
    }),
);

const SIDES = METHODS.flatMap(({ name, request, response }): [string, Format<unknown>][] => [
  [`${name} request`, request],
  [`${name} answer`, response],
]);

describe('messages, version 1', () => {
  it.each(SIDES)('%s is written as ever, and read back', (what, format) => {
    expect(format.encode(sampleOf(format)).toString('hex')).toBe(golden.get(what));
    const bytes = Buffer.from(golden.get(what)!, 'hex');
    expect(format.encode(format.decode(bytes)).equals(bytes)).toBe(true);
  });

  it.each(SIDES)('%s cut short, lengthened or of another version is refused', (what, format) => {
    const bytes = Buffer.from(golden.get(what)!, 'hex');
    for (let end = 0; end < bytes.length; end++) {
      expect(() => format.decode(bytes.subarray(0, end))).toThrow(FormatError);
    }
    expect(() => format.decode(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(FormatError);
    expect(() => format.decode(Buffer.concat([Buffer.from([2]), bytes.subarray(1)]))).toThrow(FormatError);
  });

  it.each(SIDES)('bytes that claim to be a %s give a value or a FormatError', (_, format) => {
    const decode = (bytes: Uint8Array) => {
      try {
        return format.decode(Buffer.concat([Buffer.from([1]), bytes]));
      } catch (error) {
        if (error instanceof FormatError) return null;
        throw error;
      }
    };
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
        const value = decode(bytes);
        if (value !== null) expect(format.encode(value).equals(Buffer.concat([Buffer.from([1]), bytes]))).toBe(true);
      }),
      { numRuns: 100 },
    );
  });

  it('begin with a header that is written as ever', () => {
    const header = { kind: 'error', method: 258, id: 3, life: 4, cluster: '0001020304050607' } as const;
    const bytes = messageHeader.encode(header);
    expect(bytes.toString('hex')).toBe('0102020103000000040000000001020304050607');
    expect(bytes.length).toBe(MESSAGE_HEADER_BYTES);
    expect(messageHeader.decode(bytes)).toEqual(header);
  });

  it('keep the numbers of the errors', () => {
    expect(RPC_ERRORS).toEqual([
      'no-answer',
      'refused',
      'not-leader',
      'stale',
      'unavailable',
      'unknown-drive',
      'corrupt',
      'no-space',
      'internal',
      'other-cluster',
    ]);
  });
});

describe('docs/wire-protocol.md', () => {
  const document = readFileSync(new URL('../../docs/wire-protocol.md', import.meta.url), 'utf8');

  it('has the header and every message with every field', () => {
    expect(document).toContain(fieldTable(messageHeader.fields));
    expect(document).toContain(messagesDocument());
  });

  it('has every error', () => {
    for (const [number, error] of RPC_ERRORS.entries()) expect(document).toContain(`| ${number} | ${error} |`);
  });
});
