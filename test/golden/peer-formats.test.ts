// The bytes of the peer protocol, version 1, as they were when it was made. They are never edited: nodes of different ages
// talk to each other. docs/wire-protocol.md is held to the same lists of fields.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  answer,
  decodeHandshake,
  encodeHandshake,
  FRAME_MAX_BYTES,
  frameHeader,
  greeting,
  HANDSHAKE_FRAME_MAX_BYTES,
  HANDSHAKE_MESSAGES,
  HELLO_MAX_BYTES,
  PEER_PATH,
  PEER_PROTOCOL,
  proof,
  refusal,
  welcome,
} from '../../node/format/peer-formats.ts';
import { FrameBatch } from '../../node/io/frames.ts';
import { handshakeProof, helloMac, sessionKey } from '../../node/io/peer-auth.ts';
import { PEER_ERRORS } from '../../node/io/peer-error.ts';
import { fieldTable } from '../support/field-table.ts';

const ID = '000102030405060708090a0b0c0d0e0f';
const NONCE = `${ID}f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff`;

const GOLDEN = [
  [
    'greeting',
    encodeHandshake('greeting', { purpose: 'bulk', name: 'a1', processId: ID, nonce: NONCE }),
    `010101020000006131${ID}${NONCE}`,
  ],
  [
    'answer',
    encodeHandshake('answer', { name: 'b1', processId: ID, nonce: NONCE, proof: NONCE }),
    `0201020000006231${ID}${NONCE}${NONCE}`,
  ],
  ['proof', encodeHandshake('proof', { proof: NONCE }), `0301${NONCE}`],
  ['welcome', encodeHandshake('welcome', { hello: Buffer.from('hi'), mac: NONCE }), `0401020000006869${NONCE}`],
  ['refusal', encodeHandshake('refusal', { reason: 'wrong-node', message: 'no' }), '050101020000006e6f'],
] as const;

describe('the peer protocol, version 1', () => {
  it.each(GOLDEN)('writes a %s as ever, and reads it back', (kind, encoded, golden) => {
    expect(encoded.toString('hex')).toBe(golden);
    const decoded = decodeHandshake(Buffer.from(golden, 'hex'));
    expect(decoded.kind).toBe(kind);
    expect(encodeHandshake(decoded.kind, decoded.value as never).toString('hex')).toBe(golden);
  });

  it('writes a frame as ever', () => {
    const batch = new FrameBatch();
    batch.add([Buffer.from('123456789')], 9);
    // cbf43926 is the check value of CRC-32 (IEEE).
    expect(Buffer.concat(batch.take()).toString('hex')).toBe('090000002639f4cb313233343536373839');
  });

  it('computes proofs and keys as ever', () => {
    const transcript = { greeting: Buffer.from('greeting'), answer: Buffer.from('answer') };
    expect(handshakeProof('secret', 'connecting', transcript)).toBe(
      '65f71605d9cb95a584adc22a9cc5222c59d55a6787dafb4f6f5192356b45a2ae',
    );
    expect(handshakeProof('secret', 'accepting', transcript)).toBe(
      '07399a0387548e9e582e32d50430ca6801367504289a503a69ae7a54bce2fde9',
    );
    expect(sessionKey('secret', transcript)).toBe('7b9ccfe47004865bc5ab94e6656eb6c100b07fa32b50e620517358e7899fd9d2');
    expect(helloMac('key', Buffer.from('hello'))).toBe(
      '68febbb9fa27c3dc043935af6ccf01aba9e99a543a7a975f6d6680098439cf01',
    );
  });
});

describe('docs/wire-protocol.md', () => {
  const document = readFileSync(new URL('../../docs/wire-protocol.md', import.meta.url), 'utf8');

  it.each([
    ['frame', frameHeader.fields],
    ['greeting', greeting.fields],
    ['answer', answer.fields],
    ['proof', proof.fields],
    ['welcome', welcome.fields],
    ['refusal', refusal.fields],
  ])('has the fields of a %s', (_, fields) => {
    expect(document).toContain(fieldTable(fields));
  });

  it('has the numbers of the messages, the limits and the names', () => {
    for (const [kind, number] of Object.entries(HANDSHAKE_MESSAGES))
      expect(document).toContain(`### ${number}: ${kind}`);
    for (const limit of [FRAME_MAX_BYTES, HANDSHAKE_FRAME_MAX_BYTES, HELLO_MAX_BYTES]) {
      expect(document).toContain(limit.toLocaleString('en-US'));
    }
    expect(document).toContain(`GET ${PEER_PATH} HTTP/1.1`);
    expect(document).toContain(`Upgrade: ${PEER_PROTOCOL}`);
  });

  it('has every reason for which a connection is missing', () => {
    for (const [code, { meaning, needsOperator }] of Object.entries(PEER_ERRORS)) {
      expect(document).toContain(`| ${code} | ${meaning} | ${needsOperator ? 'error' : 'warning'} |`);
    }
  });
});
