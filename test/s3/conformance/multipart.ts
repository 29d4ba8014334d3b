// Multipart uploads: parts, order, sizes, listing, aborting, and being asked twice.
import { createHash, randomBytes } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { expect, test } from 'vitest';
import { begin, completeXml, PART_BYTES_MIN, sendParts } from './multipart-steps.ts';
import { failure, type Suite } from './target.ts';

const md5 = (...data: Uint8Array[]) => createHash('md5').update(Buffer.concat(data)).digest();

export function multipart({ client, bucket, raw }: Suite): void {
  const complete = (name: string, uploadId: string, body: string, headers?: Record<string, string>) =>
    raw('POST', `/${name}/k?uploadId=${uploadId}`, { body, headers });

  test('the parts become one object with the tag of their tags and the metadata of the start', async () => {
    const Bucket = await bucket();
    const bodies = [randomBytes(PART_BYTES_MIN), randomBytes(PART_BYTES_MIN + 17), randomBytes(3)];
    const UploadId = await begin(client(), Bucket, 'k', { ContentType: 'a/b', Metadata: { m: '1' } });
    const Parts = await sendParts(client(), Bucket, 'k', UploadId, bodies);
    expect(Parts.map(({ ETag }) => ETag)).toEqual(bodies.map((body) => `"${md5(body).toString('hex')}"`));
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(404);
    const done = await client().send(
      new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts } }),
    );
    expect(done).toMatchObject({
      Bucket,
      Key: 'k',
      ETag: `"${md5(...bodies.map((body) => md5(body))).toString('hex')}-3"`,
      Location: expect.stringMatching(new RegExp(`^http://.*/${Bucket}/k$`)),
    });
    const got = await raw('GET', `/${Bucket}/k`);
    expect(got.body.equals(Buffer.concat(bodies))).toBe(true);
    expect(got.headers).toMatchObject({ etag: done.ETag, 'content-type': 'a/b', 'x-amz-meta-m': '1' });
    expect(await failure(client().send(new ListPartsCommand({ Bucket, Key: 'k', UploadId })))).toEqual({
      code: 'NoSuchUpload',
      status: 404,
    });
  });

  test('lib-storage uploads a large body in parallel parts', async () => {
    const Bucket = await bucket();
    const Body = randomBytes(12_000_000);
    const upload = new Upload({ client: client(), params: { Bucket, Key: 'k', Body }, partSize: PART_BYTES_MIN });
    await upload.done();
    expect((await raw('GET', `/${Bucket}/k`)).body.equals(Body)).toBe(true);
  });

  test('a part sent again replaces the one before; parts may be left out and numbered with gaps', async () => {
    const Bucket = await bucket();
    const UploadId = await begin(client(), Bucket, 'k');
    const send = async (PartNumber: number, Body: Uint8Array | string) => {
      const { ETag } = await client().send(new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber, Body }));
      return { partNumber: PartNumber, etag: ETag! };
    };
    const stale = await send(10_000, 'first try');
    const big = await send(7, Buffer.alloc(PART_BYTES_MIN, 'x'));
    await send(3, 'never used');
    const last = await send(10_000, 'second try');
    const refused = await complete(Bucket, UploadId, completeXml([big, stale]));
    expect([refused.status, refused.text]).toEqual([400, expect.stringContaining('<Code>InvalidPart</Code>')]);
    expect((await complete(Bucket, UploadId, completeXml([big, last]))).status).toBe(200);
    const tail = await raw('GET', `/${Bucket}/k`, { headers: { range: `bytes=${PART_BYTES_MIN - 1}-` } });
    expect(tail.text).toBe('xsecond try');
  });

  test('an empty part makes an empty object', async () => {
    const Bucket = await bucket();
    const UploadId = await begin(client(), Bucket, 'k');
    const Parts = await sendParts(client(), Bucket, 'k', UploadId, ['']);
    await client().send(new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts } }));
    const got = await raw('GET', `/${Bucket}/k`);
    expect([got.status, got.body.length]).toEqual([200, 0]);
  });

  test('wrong completions are refused to the letter and leave the upload as it was', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'before' }));
    const UploadId = await begin(client(), Bucket, 'k');
    const [one, two] = (
      await sendParts(client(), Bucket, 'k', UploadId, [Buffer.alloc(PART_BYTES_MIN - 1, 'a'), 'b'])
    ).map(({ PartNumber, ETag }) => ({ partNumber: PartNumber!, etag: ETag! }));
    const refused = async (body: string, headers?: Record<string, string>) => {
      const answer = await complete(Bucket, UploadId, body, headers);
      return [answer.status, /<Code>(\w+)<\/Code>/.exec(answer.text)?.[1]];
    };
    expect(await refused(completeXml([one!, two!]))).toEqual([400, 'EntityTooSmall']);
    expect(await refused(completeXml([two!, one!]))).toEqual([400, 'InvalidPartOrder']);
    expect(await refused(completeXml([one!, one!]))).toEqual([400, 'InvalidPartOrder']);
    expect(await refused(completeXml([one!, { ...two!, partNumber: 3 }]))).toEqual([400, 'InvalidPart']);
    expect(await refused(completeXml([{ ...two!, etag: one!.etag }]))).toEqual([400, 'InvalidPart']);
    expect(await refused(completeXml([{ ...two!, partNumber: 0 }]))).toEqual([400, 'InvalidArgument']);
    expect(await refused(completeXml([{ ...two!, partNumber: 10_001 }]))).toEqual([400, 'InvalidArgument']);
    expect(await refused(completeXml([]))).toEqual([400, 'MalformedXML']);
    expect(
      await refused('<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>'),
    ).toEqual([400, 'MalformedXML']);
    expect(await refused('<Complete/>')).toEqual([400, 'MalformedXML']);
    expect(await refused(completeXml([two!]), { 'x-amz-mp-object-size': '2' })).toEqual([400, 'InvalidRequest']);
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('before');
    expect((await complete(Bucket, UploadId, completeXml([two!]), { 'x-amz-mp-object-size': '1' })).status).toBe(200);
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('b');
  });

  test('tags in a completion may come without quotes or with them as entities', async () => {
    const Bucket = await bucket();
    for (const quote of ['', '&quot;', '&#34;']) {
      const UploadId = await begin(client(), Bucket, 'k');
      const [part] = await sendParts(client(), Bucket, 'k', UploadId, ['x']);
      const etag = part!.ETag!.replaceAll('"', quote);
      expect((await complete(Bucket, UploadId, completeXml([{ partNumber: 1, etag }]))).status).toBe(200);
    }
  });

  test('a completion asked for twice succeeds twice, until the object is another one', async () => {
    const Bucket = await bucket();
    const UploadId = await begin(client(), Bucket, 'k');
    const Parts = await sendParts(client(), Bucket, 'k', UploadId, ['x']);
    const ask = () =>
      client().send(new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts } }));
    const [first, second] = [await ask(), await ask()];
    expect([second.ETag, second.Location]).toEqual([first.ETag, first.Location]);
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'x' }));
    expect(await failure(ask())).toEqual({ code: 'NoSuchUpload', status: 404 });
    await raw('DELETE', `/${Bucket}/k`);
    expect(await failure(ask())).toEqual({ code: 'NoSuchUpload', status: 404 });
  });

  test('an aborted upload is gone with its parts', async () => {
    const Bucket = await bucket();
    const UploadId = await begin(client(), Bucket, 'k');
    const Parts = await sendParts(client(), Bucket, 'k', UploadId, ['x']);
    const target = { Bucket, Key: 'k', UploadId };
    await client().send(new AbortMultipartUploadCommand(target));
    const gone = { code: 'NoSuchUpload', status: 404 };
    expect(await failure(client().send(new AbortMultipartUploadCommand(target)))).toEqual(gone);
    expect(await failure(client().send(new UploadPartCommand({ ...target, PartNumber: 1, Body: 'y' })))).toEqual(gone);
    expect(await failure(client().send(new ListPartsCommand(target)))).toEqual(gone);
    expect(
      await failure(client().send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } }))),
    ).toEqual(gone);
    expect((await client().send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toBeUndefined();
  });

  test('an upload belongs to its key; ids that we never gave are NoSuchUpload', async () => {
    const Bucket = await bucket();
    const UploadId = await begin(client(), Bucket, 'k');
    const codeOf = async (path: string) => /<Code>(\w+)</.exec((await raw('PUT', path, { body: 'x' })).text)?.[1];
    expect(await codeOf(`/${Bucket}/other?partNumber=1&uploadId=${UploadId}`)).toBe('NoSuchUpload');
    expect(await codeOf(`/${Bucket}/k?partNumber=1&uploadId=${'0'.repeat(32)}`)).toBe('NoSuchUpload');
    expect(await codeOf(`/${Bucket}/k?partNumber=1&uploadId=nonsense`)).toBe('NoSuchUpload');
    expect(await codeOf(`/${Bucket}/k?partNumber=1`)).toBe('InvalidArgument');
    expect(await codeOf(`/${Bucket}/k?uploadId=${UploadId}`)).toBe('InvalidArgument');
    for (const number of ['0', '-1', '10001', '1.5', 'one']) {
      expect(await codeOf(`/${Bucket}/k?partNumber=${number}&uploadId=${UploadId}`)).toBe('InvalidArgument');
    }
    expect((await raw('HEAD', `/${Bucket}/k`)).status).toBe(404);
  });

  test('parts are copied from objects, whole or by range', async () => {
    const Bucket = await bucket();
    const Body = randomBytes(PART_BYTES_MIN + 1000);
    await client().send(new PutObjectCommand({ Bucket, Key: 'source', Body }));
    const UploadId = await begin(client(), Bucket, 'k');
    const copy = async (PartNumber: number, CopySourceRange?: string) => {
      const { CopyPartResult } = await client().send(
        new UploadPartCopyCommand({
          Bucket,
          Key: 'k',
          UploadId,
          PartNumber,
          CopySource: `${Bucket}/source`,
          CopySourceRange,
        }),
      );
      return { PartNumber, ETag: CopyPartResult?.ETag };
    };
    const Parts = [await copy(1), await copy(2, 'bytes=10-19')];
    expect(Parts[1]!.ETag).toBe(`"${md5(Body.subarray(10, 20)).toString('hex')}"`);
    await client().send(new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts } }));
    expect((await raw('GET', `/${Bucket}/k`)).body.equals(Buffer.concat([Body, Body.subarray(10, 20)]))).toBe(true);
  });

  test.each(['bytes=0-', 'bytes=-5', 'bytes=5-4', '0-4', 'bytes=0-1,3-4', 'bytes=a-b', 'bytes=0-10'])(
    'the copy range %s of ten bytes is InvalidArgument',
    async (CopySourceRange) => {
      const Bucket = await bucket();
      await client().send(new PutObjectCommand({ Bucket, Key: 'source', Body: '0123456789' }));
      const UploadId = await begin(client(), Bucket, 'k');
      const call = client().send(
        new UploadPartCopyCommand({
          Bucket,
          Key: 'k',
          UploadId,
          PartNumber: 1,
          CopySource: `${Bucket}/source`,
          CopySourceRange,
        }),
      );
      expect(await failure(call)).toEqual({ code: 'InvalidArgument', status: 400 });
      const { Parts } = await client().send(new ListPartsCommand({ Bucket, Key: 'k', UploadId }));
      expect(Parts).toBeUndefined();
    },
  );

  test('conditions on the source of a part', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'source', Body: 'x' }));
    const UploadId = await begin(client(), Bucket, 'k');
    const refused = await raw('PUT', `/${Bucket}/k?partNumber=1&uploadId=${UploadId}`, {
      headers: { 'x-amz-copy-source': `${Bucket}/source`, 'x-amz-copy-source-if-match': '"0"' },
    });
    expect([refused.status, refused.text]).toEqual([412, expect.stringContaining('<Code>PreconditionFailed</Code>')]);
  });

  test('ListParts pages in the order of the numbers', async () => {
    const Bucket = await bucket();
    const UploadId = await begin(client(), Bucket, 'k');
    for (const PartNumber of [10, 2, 300, 1]) {
      await client().send(
        new UploadPartCommand({ Bucket, Key: 'k', UploadId, PartNumber, Body: `part ${PartNumber}` }),
      );
    }
    const seen: (number | undefined)[] = [];
    let marker: string | undefined;
    do {
      const page = await client().send(
        new ListPartsCommand({ Bucket, Key: 'k', UploadId, MaxParts: 3, PartNumberMarker: marker }),
      );
      seen.push(...(page.Parts ?? []).map(({ PartNumber }) => PartNumber));
      marker = page.IsTruncated === true ? page.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
    expect(seen).toEqual([1, 2, 10, 300]);
    const all = await client().send(new ListPartsCommand({ Bucket, Key: 'k', UploadId }));
    expect(all).toMatchObject({ Bucket, Key: 'k', UploadId, IsTruncated: false, StorageClass: 'STANDARD' });
    expect(all.Parts?.[0]).toMatchObject({
      PartNumber: 1,
      Size: 6,
      ETag: `"${md5(Buffer.from('part 1')).toString('hex')}"`,
    });
  });

  test('uploads are listed by key and id, with prefix, delimiter and pages', async () => {
    const Bucket = await bucket();
    const started = new Map<string, string>();
    for (const key of ['a', 'dir/1', 'dir/2', 'z', 'z', 'z']) {
      const id = await begin(client(), Bucket, key);
      started.set(id, key);
    }
    const expected = [...started].map(([id, key]) => `${key} ${id}`).sort();
    const seen: string[] = [];
    let marker: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {};
    for (let more = true; more; ) {
      const page = await client().send(new ListMultipartUploadsCommand({ Bucket, MaxUploads: 2, ...marker }));
      seen.push(...(page.Uploads ?? []).map(({ Key, UploadId }) => `${Key} ${UploadId}`));
      more = page.IsTruncated === true;
      marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
    expect(seen).toEqual(expected);
    const rolled = await client().send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/' }));
    expect(rolled.CommonPrefixes).toEqual([{ Prefix: 'dir/' }]);
    expect(rolled.Uploads?.map(({ Key }) => Key)).toEqual(['a', 'z', 'z', 'z']);
    const below = await client().send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'dir/' }));
    expect(below.Uploads?.map(({ Key }) => Key)).toEqual(['dir/1', 'dir/2']);
    const after = await client().send(new ListMultipartUploadsCommand({ Bucket, KeyMarker: 'dir/2' }));
    expect(after.Uploads?.map(({ Key }) => Key)).toEqual(['z', 'z', 'z']);
    const afterAll = await client().send(new ListMultipartUploadsCommand({ Bucket, KeyMarker: 'z' }));
    expect(afterAll.Uploads).toBeUndefined();
    const firstPage = await client().send(new ListMultipartUploadsCommand({ Bucket, Delimiter: '/', MaxUploads: 2 }));
    expect([firstPage.NextKeyMarker, firstPage.NextUploadIdMarker ?? '']).toEqual(['dir/', '']);
    const next = await client().send(
      new ListMultipartUploadsCommand({ Bucket, Delimiter: '/', KeyMarker: firstPage.NextKeyMarker }),
    );
    expect([next.CommonPrefixes, next.Uploads?.length]).toEqual([undefined, 3]);
  });

  test('a multipart object that replaces another one is seen whole or not at all', async () => {
    const Bucket = await bucket();
    await client().send(new PutObjectCommand({ Bucket, Key: 'k', Body: 'old' }));
    const UploadId = await begin(client(), Bucket, 'k');
    const Parts = await sendParts(client(), Bucket, 'k', UploadId, ['new']);
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('old');
    await client().send(new CompleteMultipartUploadCommand({ Bucket, Key: 'k', UploadId, MultipartUpload: { Parts } }));
    expect((await raw('GET', `/${Bucket}/k`)).text).toBe('new');
  });
}
