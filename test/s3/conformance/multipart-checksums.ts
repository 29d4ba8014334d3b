// Checksums of multipart uploads: composites and those of the whole object, declared, computed and compared.
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  type ChecksumAlgorithm,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { expect, test } from 'vitest';
import { begin, PART_BYTES_MIN } from './multipart-steps.ts';
import { failure, type Suite } from './target.ts';

const base64Crc32 = (...data: Uint8Array[]) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(Buffer.concat(data)));
  return bytes.toString('base64');
};

export function multipartChecksums({ client, bucket, raw }: Suite): void {
  /** An upload with two parts, sent with checksums. */
  const twoParts = async (algorithm: ChecksumAlgorithm, type?: 'COMPOSITE' | 'FULL_OBJECT') => {
    const Bucket = await bucket();
    const bodies = [randomBytes(PART_BYTES_MIN), randomBytes(1000)];
    const UploadId = await begin(client(), Bucket, 'k', { ChecksumAlgorithm: algorithm, ChecksumType: type });
    const Parts: CompletedPart[] = [];
    for (const [i, Body] of bodies.entries()) {
      const PartNumber = i + 1;
      const sent = await client().send(
        new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber, Body, ChecksumAlgorithm: algorithm }),
      );
      const name = `Checksum${algorithm}` as 'ChecksumCRC32';
      Parts.push({ PartNumber, ETag: sent.ETag, [name]: sent[name] });
    }
    return { Bucket, UploadId, bodies, Parts };
  };
  const complete = (Bucket: string, UploadId: string, Parts: CompletedPart[], more: object = {}) =>
    client().send(
      new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts }, ...more }),
    );

  test('a composite SHA-256 is the checksum of the parts’ checksums', async () => {
    const { Bucket, UploadId, bodies, Parts } = await twoParts('SHA256');
    const done = await complete(Bucket, UploadId, Parts);
    const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest();
    const composite = `${sha256(Buffer.concat(bodies.map(sha256))).toString('base64')}-2`;
    expect([done.ChecksumSHA256, done.ChecksumType]).toEqual([composite, 'COMPOSITE']);
    const head = await client().send(new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED' }));
    expect([head.ChecksumSHA256, head.ChecksumType]).toEqual([composite, 'COMPOSITE']);
    const part = await client().send(
      new HeadObjectCommand({ Bucket, Key: 'k', ChecksumMode: 'ENABLED', PartNumber: 2 }),
    );
    expect(part.ChecksumSHA256).toBe(Parts[1]!.ChecksumSHA256);
  });

  test('a CRC-32 of the full object is that of all its bytes', async () => {
    const { Bucket, UploadId, bodies, Parts } = await twoParts('CRC32', 'FULL_OBJECT');
    const done = await complete(Bucket, UploadId, Parts, { ChecksumType: 'FULL_OBJECT' });
    expect([done.ChecksumCRC32, done.ChecksumType]).toEqual([base64Crc32(...bodies), 'FULL_OBJECT']);
  });

  test.each(['CRC32', 'CRC32C', 'CRC64NVME'] as const)(
    'a %s of the full object is the one that a single PUT of the same bytes has',
    async (algorithm) => {
      const { Bucket, UploadId, bodies, Parts } = await twoParts(algorithm, 'FULL_OBJECT');
      const name = `Checksum${algorithm}` as const;
      const done = await complete(Bucket, UploadId, Parts);
      const Body = Buffer.concat(bodies);
      const put = await client().send(
        new PutObjectCommand({ Bucket, Key: 'single', Body, ChecksumAlgorithm: algorithm }),
      );
      expect(done[name]).toBe(put[name]);
    },
  );

  test('the object’s checksum in the request is compared, and a wrong one leaves the upload', async () => {
    const { Bucket, UploadId, bodies, Parts } = await twoParts('CRC32', 'FULL_OBJECT');
    const right = base64Crc32(...bodies);
    expect(await failure(complete(Bucket, UploadId, Parts, { ChecksumCRC32: 'AAAAAA==' }))).toEqual({
      code: 'BadDigest',
      status: 400,
    });
    expect(await failure(complete(Bucket, UploadId, Parts, { ChecksumType: 'COMPOSITE' }))).toEqual({
      code: 'InvalidRequest',
      status: 400,
    });
    expect(await failure(complete(Bucket, UploadId, Parts, { ChecksumSHA1: '2jmj7l5rSw0yVb/vlWAYkK/YBwk=' }))).toEqual({
      code: 'InvalidRequest',
      status: 400,
    });
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(404);
    expect((await complete(Bucket, UploadId, Parts, { ChecksumCRC32: right })).ChecksumCRC32).toBe(right);
  });

  test('a composite needs the checksum of every part in the request, and the right one', async () => {
    const { Bucket, UploadId, Parts } = await twoParts('CRC32C');
    const without = Parts.map(({ PartNumber, ETag }) => ({ PartNumber, ETag }));
    expect(await failure(complete(Bucket, UploadId, without))).toEqual({ code: 'InvalidRequest', status: 400 });
    const swapped = [Parts[0]!, { ...Parts[1]!, ChecksumCRC32C: Parts[0]!.ChecksumCRC32C }];
    expect(await failure(complete(Bucket, UploadId, swapped))).toEqual({ code: 'InvalidPart', status: 400 });
    expect((await complete(Bucket, UploadId, Parts)).ChecksumCRC32C).toMatch(/-2$/);
  });

  test('a part with another algorithm than the upload’s is refused', async () => {
    const Bucket = await bucket();
    const UploadId = await begin(client(), Bucket, 'k', { ChecksumAlgorithm: 'SHA256' });
    const call = client().send(
      new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber: 1, Body: 'x', ChecksumAlgorithm: 'CRC32' }),
    );
    expect(await failure(call)).toEqual({ code: 'InvalidRequest', status: 400 });
    expect((await client().send(new ListPartsCommand({ Bucket, Key: 'k', UploadId }))).Parts).toBeUndefined();
  });

  test('parts without a checksum, and copied parts, get the upload’s computed', async () => {
    const Bucket = await bucket();
    const UploadId = await begin(client(), Bucket, 'k', { ChecksumAlgorithm: 'CRC32' });
    const body = Buffer.alloc(PART_BYTES_MIN, 'a');
    const plain = await raw('PUT', `/${Bucket}/k?partNumber=1&uploadId=${UploadId}`, { body });
    expect(plain.headers['x-amz-checksum-crc32']).toBe(base64Crc32(body));
    await client().send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'to be copied' }));
    const copied = await client().send(
      new UploadPartCopyCommand({ Bucket, Key: 'k', UploadId, PartNumber: 2, CopySource: `${Bucket}/source` }),
    );
    expect(copied.CopyPartResult?.ChecksumCRC32).toBe(base64Crc32(Buffer.from('to be copied')));
    const { Parts, ChecksumAlgorithm, ChecksumType } = await client().send(
      new ListPartsCommand({ Bucket, Key: 'k', UploadId }),
    );
    expect([ChecksumAlgorithm, ChecksumType]).toEqual(['CRC32', 'COMPOSITE']);
    expect(Parts?.map(({ ChecksumCRC32 }) => ChecksumCRC32)).toEqual([
      base64Crc32(body),
      base64Crc32(Buffer.from('to be copied')),
    ]);
  });

  test('impossible combinations are refused at the start', async () => {
    const Bucket = await bucket();
    const start = (input: object) => client().send(new CreateMultipartUploadCommand({ Bucket, Key: 'k', ...input }));
    for (const input of [
      { ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' },
      { ChecksumAlgorithm: 'CRC64NVME', ChecksumType: 'COMPOSITE' },
      { ChecksumAlgorithm: 'MD4' },
    ]) {
      expect(await failure(start(input))).toEqual({ code: 'InvalidRequest', status: 400 });
    }
  });
}
