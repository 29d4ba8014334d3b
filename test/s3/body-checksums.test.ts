// The checksums against their published check values and against slow, obvious versions; what headers may say about them; and
// what becomes of them in a multipart object.
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  createDigest,
  declaredChecksum,
  uploadChecksum,
} from '../../node/s3/body/checksums.ts';
import { CRC_KINDS } from '../../node/s3/body/crc.ts';
import { combineChecksums, multipartEtag } from '../../node/s3/body/multipart-digest.ts';
import { cut, headers } from './body-fixture.ts';

function digestOf(algorithm: ChecksumAlgorithm | 'md5', parts: readonly Uint8Array[]): Buffer {
  const digest = createDigest(algorithm);
  for (const part of parts) digest.update(part);
  return digest.digest();
}

/** Bit by bit, straight from the definition. */
function slowCrc(algorithm: keyof typeof CRC_KINDS, data: Uint8Array): string {
  const { bits, polynomial } = CRC_KINDS[algorithm];
  const ones = (1n << BigInt(bits)) - 1n;
  let crc = ones;
  for (const byte of data) {
    crc ^= BigInt(byte);
    for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ polynomial : crc >> 1n;
  }
  return (crc ^ ones).toString(16).padStart(bits / 4, '0');
}

const CRCS = ['crc32', 'crc32c', 'crc64nvme'] as const;

test.each([
  // The "check" values of the catalogue of parametrised CRC algorithms, https://reveng.sourceforge.io/crc-catalogue/
  ['crc32', 'cbf43926'],
  ['crc32c', 'e3069283'],
  ['crc64nvme', 'ae8b14860a799888'],
  ['sha1', 'f7c3bc1d808e04732adf679965ccc34ca7ae3441'],
  ['sha256', '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225'],
  ['md5', '25f9e794323b453885f5181f1b624d0b'],
] as const)('the %s of 123456789 is the published %s', (algorithm, expected) => {
  expect(digestOf(algorithm, [Buffer.from('123456789')]).toString('hex')).toBe(expected);
});

test.each(CRCS)('%s gives what the definition gives, however the bytes are cut up', (algorithm) => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.integer({ min: 1, max: 40 })),
      fc.nat({ max: 7 }),
      (data, cuts, misalignment) => {
        const shifted = new Uint8Array(data.length + misalignment).subarray(misalignment);
        shifted.set(data);
        expect(digestOf(algorithm, cut(shifted, cuts)).toString('hex')).toBe(slowCrc(algorithm, data));
      },
    ),
  );
});

describe('a multipart object', () => {
  test.each(CRCS)('has, as FULL_OBJECT, the %s of the whole object', (algorithm) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 12 }), (parts) => {
        const combined = combineChecksums(
          parts.map((part) => ({
            sizeBytes: part.length,
            checksum: digestOf(algorithm, [part]).toString('base64'),
          })),
          'FULL_OBJECT',
          algorithm,
        );
        expect(combined).toBe(digestOf(algorithm, parts).toString('base64'));
      }),
    );
  });

  test('of three parts of 5 GiB of zeros has the CRC32 that joining in another order gives too', () => {
    const sizeBytes = 5 * 1024 ** 3;
    const checksum = 'pBwPKw=='; // any value: joining is associative whatever the parts are
    const join = (parts: { sizeBytes: number; checksum: string }[]) => combineChecksums(parts, 'FULL_OBJECT', 'crc32');
    const part = { sizeBytes, checksum };
    const two = { sizeBytes: 2 * sizeBytes, checksum: join([part, part]) };
    expect(join([part, part, part])).toBe(join([part, two]));
    expect(join([part, part, part])).toBe(join([two, part]));
  });

  test.each(['crc32', 'crc32c', 'sha1', 'sha256'] as const)(
    'has, as COMPOSITE, the %s of its parts’ checksums and their number',
    (algorithm) => {
      const parts = ['alpha', 'beta', 'gamma'].map((text) => Buffer.from(text));
      const checksums = parts.map((part) => digestOf(algorithm, [part]));
      const combined = combineChecksums(
        checksums.map((checksum, i) => ({ sizeBytes: parts[i]!.length, checksum: checksum.toString('base64') })),
        'COMPOSITE',
        algorithm,
      );
      expect(combined).toBe(`${digestOf(algorithm, checksums).toString('base64')}-3`);
    },
  );

  test.each([
    ['sha1', 'FULL_OBJECT'],
    ['sha256', 'FULL_OBJECT'],
    ['crc64nvme', 'COMPOSITE'],
  ] as const)('cannot have a %s of type %s', (algorithm, type) => {
    expect(() => combineChecksums([], type, algorithm)).toThrow(
      expect.objectContaining({
        code: 'InvalidRequest',
        message: `The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`,
      }),
    );
  });

  test('refuses a part whose checksum is none of that algorithm', () => {
    expect(() => combineChecksums([{ sizeBytes: 1, checksum: 'AAAA' }], 'FULL_OBJECT', 'crc32')).toThrow(RangeError);
  });

  test('has the MD5 of its parts’ MD5s and their number as its tag', () => {
    const parts = ['alpha', 'beta'].map((text) => createHash('md5').update(text).digest());
    const expected = createHash('md5').update(Buffer.concat(parts)).digest('hex');
    expect(multipartEtag(parts.map((md5) => md5.toString('hex')))).toBe(`${expected}-2`);
  });
});

describe('headers', () => {
  test.each(CHECKSUM_ALGORITHMS)('a %s header is read', (algorithm) => {
    const value = digestOf(algorithm, []).toString('base64');
    expect(declaredChecksum(headers({ [`x-amz-checksum-${algorithm}`]: value }))).toEqual({ algorithm, value });
  });

  test('a checksum announced for the trailer has no value yet', () => {
    expect(declaredChecksum(headers({ 'x-amz-trailer': 'X-Amz-Checksum-CRC32C' }))).toEqual({
      algorithm: 'crc32c',
      value: null,
    });
  });

  test('headers that only talk about checksums are none', () => {
    const talk = {
      'x-amz-checksum-algorithm': 'CRC32',
      'x-amz-checksum-type': 'COMPOSITE',
      'x-amz-checksum-mode': 'ENABLED',
    };
    expect(declaredChecksum(headers(talk))).toBeNull();
  });

  test.each([
    [
      'two checksums',
      { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-checksum-crc32c': 'AAAAAA==' },
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    ],
    [
      'a header and a trailer',
      { 'x-amz-checksum-crc32': 'AAAAAA==', 'x-amz-trailer': 'x-amz-checksum-crc32' },
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    ],
    [
      'an algorithm that S3 does not know',
      { 'x-amz-checksum-crc16': 'AAA=' },
      'The algorithm type you specified in x-amz-checksum- header is invalid.',
    ],
    [
      'a value of the wrong length',
      { 'x-amz-checksum-sha1': 'AAAAAA==' },
      'Value for x-amz-checksum-sha1 header is invalid.',
    ],
    [
      'a value that is not base64',
      { 'x-amz-checksum-crc32': 'AAA!AA==' },
      'Value for x-amz-checksum-crc32 header is invalid.',
    ],
    ['an empty value', { 'x-amz-checksum-crc32': '' }, 'Value for x-amz-checksum-crc32 header is invalid.'],
    [
      'a trailer that is no checksum',
      { 'x-amz-trailer': 'x-amz-meta-a' },
      'The value specified in the x-amz-trailer header is not supported',
    ],
    [
      'an SDK algorithm without its checksum',
      { 'x-amz-sdk-checksum-algorithm': 'CRC32' },
      'x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.',
    ],
    [
      'an SDK algorithm and another checksum',
      { 'x-amz-sdk-checksum-algorithm': 'SHA1', 'x-amz-checksum-crc32': 'AAAAAA==' },
      'Value for x-amz-sdk-checksum-algorithm header is invalid.',
    ],
    [
      'an SDK algorithm that S3 does not know',
      { 'x-amz-sdk-checksum-algorithm': 'CRC16' },
      'Value for x-amz-sdk-checksum-algorithm header is invalid.',
    ],
  ])('%s: InvalidRequest', (_, values, message) => {
    expect(() => declaredChecksum(headers(values as Record<string, string>))).toThrow(
      expect.objectContaining({ code: 'InvalidRequest', message }),
    );
  });
});

describe('starting a multipart upload', () => {
  test.each([
    [{}, null],
    [{ 'x-amz-checksum-algorithm': 'CRC32' }, { algorithm: 'crc32', type: 'COMPOSITE' }],
    [{ 'x-amz-checksum-algorithm': 'sha256' }, { algorithm: 'sha256', type: 'COMPOSITE' }],
    [{ 'x-amz-checksum-algorithm': 'CRC64NVME' }, { algorithm: 'crc64nvme', type: 'FULL_OBJECT' }],
    [
      { 'x-amz-checksum-algorithm': 'CRC32C', 'x-amz-checksum-type': 'FULL_OBJECT' },
      { algorithm: 'crc32c', type: 'FULL_OBJECT' },
    ],
  ])('with %j means %j', (values, expected) => {
    expect(uploadChecksum(headers(values as Record<string, string>))).toEqual(expected);
  });

  test.each([
    [
      { 'x-amz-checksum-algorithm': 'CRC16' },
      'Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]',
    ],
    [
      { 'x-amz-checksum-type': 'COMPOSITE' },
      'The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.',
    ],
    [
      { 'x-amz-checksum-algorithm': 'CRC32', 'x-amz-checksum-type': 'HALF' },
      'Value for x-amz-checksum-type header is invalid.',
    ],
    [
      { 'x-amz-checksum-algorithm': 'SHA1', 'x-amz-checksum-type': 'FULL_OBJECT' },
      'The FULL_OBJECT checksum type cannot be used with the sha1 checksum algorithm.',
    ],
    [
      { 'x-amz-checksum-algorithm': 'CRC64NVME', 'x-amz-checksum-type': 'COMPOSITE' },
      'The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.',
    ],
  ])('with %j is InvalidRequest', (values, message) => {
    expect(() => uploadChecksum(headers(values as Record<string, string>))).toThrow(
      expect.objectContaining({ code: 'InvalidRequest', message }),
    );
  });
});
