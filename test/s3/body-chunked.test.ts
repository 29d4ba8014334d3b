// aws-chunked bodies: the published examples, every way to cut them up, and every way to tamper with them.
import { createHash, randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PayloadRule } from '../../node/s3/auth/authentication.ts';
import { ChunkDecoder, HELD_CHUNK_BYTES_MAX } from '../../node/s3/body/chunk-decoder.ts';
import { ChunkSignatures } from '../../node/s3/body/chunk-signatures.ts';
import {
  cut,
  headers,
  pieces,
  readAll,
  SIGNING,
  type SignedChunk,
  signChunks,
  signTrailer,
  unsignedWire,
  wire,
} from './body-fixture.ts';

const SIGNED: PayloadRule = { kind: 'chunks-signed', trailer: false, signing: SIGNING };
const UNSIGNED_CHUNKS: PayloadRule = { kind: 'chunks-unsigned' };
/** 64 KiB and 1 KiB of the letter a: the object of the published examples. */
const EXAMPLE = [Buffer.alloc(65_536, 'a'), Buffer.alloc(1024, 'a')];
const EXAMPLE_MD5 = createHash('md5').update(Buffer.concat(EXAMPLE)).digest('hex');

function chunkedHeaders(body: Uint8Array, decodedBytes: number, more: Record<string, string> = {}) {
  return headers({ 'content-length': body.length, 'x-amz-decoded-content-length': decodedBytes, ...more });
}

function readSigned(body: Uint8Array, decodedBytes: number, cuts: readonly number[] = []) {
  return readAll(pieces(...cut(body, cuts)), chunkedHeaders(body, decodedBytes), SIGNED);
}

describe('the published chunked upload', () => {
  const chunks = signChunks(EXAMPLE);

  test('has the published chunk signatures and the published length', () => {
    expect(chunks.map(({ signature }) => signature)).toEqual([
      'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
      '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
      'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
    ]);
    expect(wire(chunks).length).toBe(66_824);
  });

  test('is accepted and gives the 65 KiB that were sent', async () => {
    const { received, digest } = await readSigned(wire(chunks), 66_560);
    expect(received.equals(Buffer.concat(EXAMPLE))).toBe(true);
    expect(digest).toEqual({ etag: EXAMPLE_MD5, checksums: {} });
  });
});

describe('the published chunked upload with a trailer', () => {
  const signing = { ...SIGNING, seedSignature: '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e' };
  const payload: PayloadRule = { kind: 'chunks-signed', trailer: true, signing };
  const chunks = signChunks(EXAMPLE, signing);
  const checksum = 'x-amz-checksum-crc32c:sOO8/Q==';
  const trailerSignature = 'd81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435';
  const trailer = `${checksum}\r\nx-amz-trailer-signature:${trailerSignature}\r\n`;
  const read = (body: Buffer) =>
    readAll(pieces(body), chunkedHeaders(body, 66_560, { 'x-amz-trailer': 'x-amz-checksum-crc32c' }), payload);

  test('has the published signatures of chunks and trailer', () => {
    expect(chunks.map(({ signature }) => signature)).toEqual([
      'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
      '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
      '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
    ]);
    expect(signTrailer(chunks, [checksum], signing)).toBe(trailerSignature);
  });

  test('is accepted, and its checksum is returned', async () => {
    const { received, digest } = await read(wire(chunks, trailer));
    expect(received.length).toBe(66_560);
    expect(digest).toEqual({ etag: EXAMPLE_MD5, checksums: { crc32c: 'sOO8/Q==' } });
  });

  test('with a line feed before each CRLF of the trailer, as some SDKs send it, is accepted too', async () => {
    const { digest } = await read(wire(chunks, trailer.replaceAll('\r\n', '\n\r\n')));
    expect(digest?.checksums).toEqual({ crc32c: 'sOO8/Q==' });
  });

  test('with another checksum under the same trailer signature is refused', async () => {
    const { error } = await read(wire(chunks, trailer.replace('sOO8/Q==', 'sOO8/A==')));
    expect(error?.code).toBe('SignatureDoesNotMatch');
  });

  test('with a trailer that nobody signed is refused', async () => {
    const { error } = await read(wire(chunks, `${checksum}\r\n`));
    expect(error?.code).toBe('MalformedTrailerError');
  });

  test('with a rightly signed but wrong checksum is BadDigest', async () => {
    const wrong = 'x-amz-checksum-crc32c:sOO8/A==';
    const signature = signTrailer(chunks, [wrong], signing);
    const { error } = await read(wire(chunks, `${wrong}\r\nx-amz-trailer-signature:${signature}\r\n`));
    expect(error?.code).toBe('BadDigest');
    expect(error?.message).toBe('The CRC32C you specified did not match the calculated checksum.');
  });
});

test('a signed body gives the same bytes however the network cuts it up', async () => {
  const data = [randomBytes(700), randomBytes(1), randomBytes(90)];
  const body = wire(signChunks(data));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 120 })), async (cuts) => {
      const { received, error } = await readSigned(body, 791, cuts);
      expect(error).toBeNull();
      expect(received.equals(Buffer.concat(data))).toBe(true);
    }),
  );
});

test('an unsigned chunked body with a trailer gives the same bytes however the network cuts it up', async () => {
  const data = [Buffer.from('12345'), Buffer.from('6789')];
  const body = unsignedWire(data, 'x-amz-checksum-crc32:y/Q5Jg==\r\n');
  const list = chunkedHeaders(body, 9, { 'x-amz-trailer': 'x-amz-checksum-crc32' });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 12 })), async (cuts) => {
      const { received, digest } = await readAll(pieces(...cut(body, cuts)), list, UNSIGNED_CHUNKS);
      expect(received.toString()).toBe('123456789');
      expect(digest?.checksums).toEqual({ crc32: 'y/Q5Jg==' });
    }),
  );
});

test('one flipped bit anywhere in a signed body is refused, and nothing of its chunk is handed on', async () => {
  // 288 is 120 in hexadecimal: without a letter, so that no flip is a mere change of case.
  const data = [randomBytes(288), randomBytes(288)];
  const chunks = signChunks(data);
  const body = wire(chunks);
  const chunkWireBytes = chunks[0]!.header.length + 288 + 2;
  // The two bytes at the very end close an empty trailer; they carry nothing.
  await fc.assert(
    fc.asyncProperty(fc.nat({ max: body.length - 3 }), fc.nat({ max: 7 }), async (position, bit) => {
      const tampered = Buffer.from(body);
      tampered[position]! ^= 1 << bit;
      const { received, error, digest } = await readSigned(tampered, 576, [100, 100, 100, 100, 100]);
      expect(digest).toBeNull();
      expect(['SignatureDoesNotMatch', 'IncompleteBody']).toContain(error?.code);
      const intactBytes = Math.min(2, Math.floor(position / chunkWireBytes)) * 288;
      expect(received.length).toBeLessThanOrEqual(intactBytes);
      expect(Buffer.concat(data).subarray(0, received.length).equals(received)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('a chunk whose data was replaced is refused with what should have been signed', async () => {
  const chunks = signChunks([Buffer.from('hello')]);
  const { received, error } = await readSigned(
    Buffer.from(wire(chunks).toString('latin1').replace('hello', 'jello'), 'latin1'),
    5,
  );
  expect(received.length).toBe(0);
  expect(error?.code).toBe('SignatureDoesNotMatch');
  expect(error?.details).toMatchObject({
    SignatureProvided: chunks[0]!.signature,
    StringToSign: expect.stringMatching(/^AWS4-HMAC-SHA256-PAYLOAD\n20130524T000000Z\n20130524\/us-east-1\/s3\//),
  });
});

test.each<{ name: string; change: (chunks: SignedChunk[]) => SignedChunk[]; code: string }>([
  { name: 'without its last chunk', change: (chunks) => chunks.slice(0, -1), code: 'IncompleteBody' },
  {
    name: 'with two chunks exchanged',
    change: ([a, b, end]) => [b!, a!, end!],
    code: 'SignatureDoesNotMatch',
  },
  { name: 'with a chunk left out', change: ([, b, end]) => [b!, end!], code: 'SignatureDoesNotMatch' },
  { name: 'with a chunk sent twice', change: ([a, b, end]) => [a!, a!, b!, end!], code: 'SignatureDoesNotMatch' },
])('a signed body $name is refused', async ({ change, code }) => {
  const chunks = change(signChunks([Buffer.alloc(10, 'a'), Buffer.alloc(10, 'b')]));
  const body = wire(chunks);
  const decodedBytes = chunks.reduce((sum, { data }) => sum + data.length, 0);
  expect((await readSigned(body, decodedBytes)).error?.code).toBe(code);
});

describe('memory', () => {
  const decoder = (bytes: number) => new ChunkDecoder(new ChunkSignatures(SIGNING), bytes);

  test('a chunk of ordinary size is handed on only when its last byte has been verified', () => {
    const data = randomBytes(65_536);
    const [chunk] = signChunks([data]);
    const decode = decoder(data.length);
    expect(decode.push(Buffer.from(chunk!.header))).toEqual([]);
    expect(decode.push(data.subarray(0, 65_535))).toEqual([]);
    expect(Buffer.concat(decode.push(data.subarray(65_535))).equals(data)).toBe(true);
  });

  test('a chunk of 16 MiB is handed on as it comes, and refused at its end when its signature is wrong', () => {
    const piece = randomBytes(65_536);
    const data = Buffer.concat(Array.from({ length: 256 }, () => piece));
    const [chunk] = signChunks([data]);
    const decode = decoder(data.length);
    decode.push(Buffer.from(chunk!.header));
    for (let i = 0; i < 255; i++) {
      const ready = decode.push(piece);
      expect(ready.map(({ length }) => length)).toEqual([65_536]);
      expect(piece.equals(ready[0]!)).toBe(true);
    }
    const wrong = Buffer.from(piece);
    wrong[65_535]! ^= 1;
    expect(() => decode.push(wrong)).toThrow(expect.objectContaining({ code: 'SignatureDoesNotMatch' }));
  });

  test('a chunk of just over the limit is not held back', () => {
    const data = randomBytes(HELD_CHUNK_BYTES_MAX + 1);
    const [chunk] = signChunks([data]);
    const decode = decoder(data.length);
    decode.push(Buffer.from(chunk!.header));
    expect(decode.push(data.subarray(0, 1000)).map((part) => part.length)).toEqual([1000]);
  });

  test('a size line without an end is refused after 256 bytes', () => {
    const decode = decoder(1);
    decode.push(Buffer.alloc(256, '0'));
    expect(() => decode.push(Buffer.from('0'))).toThrow(expect.objectContaining({ code: 'IncompleteBody' }));
  });

  test('a trailer without an end is refused after 4 KiB', () => {
    const decode = new ChunkDecoder(null, 0);
    decode.push(Buffer.from('0\r\n'));
    decode.push(Buffer.alloc(4096, 'x'));
    expect(() => decode.push(Buffer.from('x'))).toThrow(expect.objectContaining({ code: 'MalformedTrailerError' }));
  });
});

describe('framing', () => {
  const read = (text: string, decodedBytes: number, more: Record<string, string> = {}) => {
    const body = Buffer.from(text, 'latin1');
    return readAll(pieces(body), chunkedHeaders(body, decodedBytes, more), UNSIGNED_CHUNKS);
  };

  test.each([
    ['a size that is no number', 'x\r\nabc\r\n0\r\n\r\n'],
    ['a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
    ['a size line that ends in a bare line feed', '3\nabc\r\n0\r\n\r\n'],
    ['data without its CRLF', '3\r\nabc0\r\n\r\n'],
    ['an end within the data', '3\r\nab'],
    ['an end within the size line', '3'],
    ['an end before the last chunk', '3\r\nabc\r\n'],
  ])('%s is IncompleteBody', async (_, text) => {
    const { error } = await read(text, 3);
    expect(error?.code).toBe('IncompleteBody');
    expect(error?.message).toBe('The request body terminated unexpectedly');
  });

  test.each([
    ['fewer', '3\r\nabc\r\n0\r\n\r\n', 4, 3],
    ['more', '3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n', 4, 5],
  ])('%s decoded bytes than announced are IncompleteBody with both numbers', async (_, text, expected, provided) => {
    const { error } = await read(text, expected);
    expect(error?.code).toBe('IncompleteBody');
    expect(error?.details).toEqual({
      NumberBytesExpected: String(expected),
      NumberBytesProvided: String(provided),
    });
  });

  test('a chunk longer than the body is refused before any of it is read', async () => {
    const { received, error } = await read('ffffffffff\r\nabc', 3);
    expect(error?.code).toBe('IncompleteBody');
    expect(received.length).toBe(0);
  });

  test('an empty body is one chunk of size 0', async () => {
    const { digest } = await read('0\r\n\r\n', 0);
    expect(digest).toEqual({ etag: 'd41d8cd98f00b204e9800998ecf8427e', checksums: {} });
  });

  test.each([
    ['a trailer that was announced and is missing', '', 'x-amz-checksum-crc32'],
    ['a trailer that was not announced', 'x-amz-checksum-crc32:AAAAAA==\r\n', ''],
    ['another trailer than announced', 'x-amz-checksum-sha1:AAAA\r\n', 'x-amz-checksum-crc32'],
    [
      'the same trailer twice',
      'x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n',
      'x-amz-checksum-crc32',
    ],
    ['a trailer line without a colon', 'hello\r\n', ''],
  ])('%s is MalformedTrailerError', async (_, trailer, announced) => {
    const { error } = await read(`0\r\n${trailer}\r\n`, 0, announced === '' ? {} : { 'x-amz-trailer': announced });
    expect(error?.code).toBe('MalformedTrailerError');
  });

  test('a trailer whose value cannot be a checksum is InvalidRequest', async () => {
    const { error } = await read('0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n', 0, {
      'x-amz-trailer': 'x-amz-checksum-crc32',
    });
    expect(error?.code).toBe('InvalidRequest');
    expect(error?.message).toBe('Value for x-amz-checksum-crc32 trailing header is invalid.');
  });
});
