// Documents and headers as clients see them: element names, their order, dates, the error document.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { completeXml } from './multipart-steps.ts';
import type { Suite } from './target.ts';

const ISO = '[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z';
const OWNER = '<ID>[0-9a-f]{64}</ID><DisplayName>[a-z]+</DisplayName>';
const XMLNS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';

/** The whole document, as a pattern; white space at line ends of the pattern is not part of it. */
function documentLike(root: string, ...lines: string[]): RegExp {
  return new RegExp(`^<\\?xml version="1.0" encoding="UTF-8"\\?>\n<${root} ${XMLNS}>${lines.join('')}</${root}>$`);
}

export function documents({ bucket, raw }: Suite): void {
  test('every answer has ids, a date and a server', async () => {
    const Bucket = await bucket();
    const answers = [
      await raw('PUT', `/${Bucket}/k`, { body: 'x' }),
      await raw('GET', `/${Bucket}/k`),
      await raw('HEAD', `/${Bucket}/none`),
      await raw('GET', `/${Bucket}`, { signed: false }),
      await raw('DELETE', `/${Bucket}/k`),
    ];
    for (const { headers } of answers) {
      expect(headers['x-amz-request-id']).toMatch(/^[0-9A-F]{16}$/);
      expect(headers['x-amz-id-2']).toMatch(/./);
      expect(headers.server).toBe('Ashlar');
      expect(Date.parse(headers.date!)).toBeGreaterThan(Date.now() - 60_000);
    }
    expect(new Set(answers.map(({ headers }) => headers['x-amz-request-id'])).size).toBe(answers.length);
  });

  test('the error document', async () => {
    const Bucket = await bucket();
    const answer = await raw('GET', `/${Bucket}/no%20such&key?versionId=null`);
    expect(answer.headers['content-type']).toBe('application/xml');
    expect(answer.text).toBe(
      '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code><Message>The specified key does not exist.</Message>' +
        `<Key>no such&amp;key</Key><Resource>/${Bucket}/no%20such&amp;key</Resource>` +
        `<RequestId>${answer.headers['x-amz-request-id']}</RequestId><HostId>${answer.headers['x-amz-id-2']}</HostId></Error>`,
    );
  });

  test('the headers of GET and HEAD', async () => {
    const Bucket = await bucket();
    await raw('PUT', `/${Bucket}/k`, { body: 'content', headers: { 'content-type': 'text/plain' } });
    for (const method of ['GET', 'HEAD']) {
      const { headers } = await raw(method, `/${Bucket}/k`);
      expect(headers).toMatchObject({
        'content-length': '7',
        'content-type': 'text/plain',
        etag: '"9a0364b9e99bb480dd25e1f0284c8555"',
        'accept-ranges': 'bytes',
      });
      expect(headers['last-modified']).toMatch(/^\w{3}, \d{2} \w{3} \d{4} \d{2}:\d{2}:\d{2} GMT$/);
    }
  });

  test('ListAllMyBucketsResult', async () => {
    const Bucket = await bucket();
    expect((await raw('GET', `/?prefix=${Bucket}`)).text).toMatch(
      documentLike(
        'ListAllMyBucketsResult',
        `<Owner>${OWNER}</Owner>`,
        `<Buckets><Bucket><Name>${Bucket}</Name><CreationDate>${ISO}</CreationDate></Bucket></Buckets>`,
        `<Prefix>${Bucket}</Prefix>`,
      ),
    );
  });

  test('ListBucketResult, both versions', async () => {
    const Bucket = await bucket();
    for (const key of ['a', 'd/1', 'z']) await raw('PUT', `/${Bucket}/${key}`, { body: 'x' });
    const entry = (owner: string) =>
      `<Contents><Key>a</Key><LastModified>${ISO}</LastModified><ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag>` +
      `<Size>1</Size>${owner}<StorageClass>STANDARD</StorageClass></Contents>` +
      '<CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>';
    expect((await raw('GET', `/${Bucket}?delimiter=/&max-keys=2`)).text).toMatch(
      documentLike(
        'ListBucketResult',
        `<Name>${Bucket}</Name><Prefix></Prefix><Marker></Marker><NextMarker>d/</NextMarker><MaxKeys>2</MaxKeys>`,
        '<Delimiter>/</Delimiter><IsTruncated>true</IsTruncated>',
        entry(`<Owner>${OWNER}</Owner>`),
      ),
    );
    expect((await raw('GET', `/${Bucket}?list-type=2&delimiter=/&max-keys=2&start-after=0`)).text).toMatch(
      documentLike(
        'ListBucketResult',
        `<Name>${Bucket}</Name><Prefix></Prefix><StartAfter>0</StartAfter>`,
        '<NextContinuationToken>[A-Za-z0-9_-]+</NextContinuationToken>',
        '<KeyCount>2</KeyCount><MaxKeys>2</MaxKeys><Delimiter>/</Delimiter><IsTruncated>true</IsTruncated>',
        entry(''),
      ),
    );
  });

  test('the documents of a multipart upload', async () => {
    const Bucket = await bucket();
    const started = await raw('POST', `/${Bucket}/a%26b?uploads`);
    expect(started.text).toMatch(
      documentLike(
        'InitiateMultipartUploadResult',
        `<Bucket>${Bucket}</Bucket><Key>a&amp;b</Key><UploadId>[0-9a-f]{32}</UploadId>`,
      ),
    );
    const uploadId = /<UploadId>(\w+)</.exec(started.text)![1]!;
    const part = await raw('PUT', `/${Bucket}/a%26b?partNumber=1&uploadId=${uploadId}`, { body: 'x' });
    expect((await raw('GET', `/${Bucket}?uploads`)).text).toMatch(
      documentLike(
        'ListMultipartUploadsResult',
        `<Bucket>${Bucket}</Bucket><KeyMarker></KeyMarker><UploadIdMarker></UploadIdMarker><NextKeyMarker></NextKeyMarker>`,
        '<NextUploadIdMarker></NextUploadIdMarker><Prefix></Prefix><MaxUploads>1000</MaxUploads><IsTruncated>false</IsTruncated>',
        `<Upload><Key>a&amp;b</Key><UploadId>${uploadId}</UploadId><Initiator>${OWNER}</Initiator><Owner>${OWNER}</Owner>`,
        `<StorageClass>STANDARD</StorageClass><Initiated>${ISO}</Initiated></Upload>`,
      ),
    );
    expect((await raw('GET', `/${Bucket}/a%26b?uploadId=${uploadId}`)).text).toMatch(
      documentLike(
        'ListPartsResult',
        `<Bucket>${Bucket}</Bucket><Key>a&amp;b</Key><UploadId>${uploadId}</UploadId><PartNumberMarker>0</PartNumberMarker>`,
        '<NextPartNumberMarker>1</NextPartNumberMarker><MaxParts>1000</MaxParts><IsTruncated>false</IsTruncated>',
        `<Part><PartNumber>1</PartNumber><LastModified>${ISO}</LastModified><ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag><Size>1</Size></Part>`,
        `<Initiator>${OWNER}</Initiator><Owner>${OWNER}</Owner><StorageClass>STANDARD</StorageClass>`,
      ),
    );
    const done = await raw('POST', `/${Bucket}/a%26b?uploadId=${uploadId}`, {
      body: completeXml([{ partNumber: 1, etag: part.headers.etag!.replaceAll('"', '&quot;') }]),
    });
    expect(done.text).toMatch(
      documentLike(
        'CompleteMultipartUploadResult',
        `<Location>http://[^<]+/${Bucket}/a%26b</Location><Bucket>${Bucket}</Bucket><Key>a&amp;b</Key>`,
        '<ETag>&quot;[0-9a-f]{32}-1&quot;</ETag>',
      ),
    );
  });

  test('CopyObjectResult and DeleteResult', async () => {
    const Bucket = await bucket();
    await raw('PUT', `/${Bucket}/a`, { body: 'x' });
    const copied = await raw('PUT', `/${Bucket}/b`, { headers: { 'x-amz-copy-source': `${Bucket}/a` } });
    expect(copied.text).toMatch(
      documentLike(
        'CopyObjectResult',
        `<ETag>&quot;9dd4e461268c8034f5c8564e155c67a6&quot;</ETag><LastModified>${ISO}</LastModified>`,
      ),
    );
    const body = '<Delete><Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>x</VersionId></Object></Delete>';
    const headers = { 'content-md5': createHash('md5').update(body).digest('base64') };
    expect((await raw('POST', `/${Bucket}?delete`, { body, headers })).text).toMatch(
      documentLike(
        'DeleteResult',
        '<Deleted><Key>a</Key></Deleted>',
        '<Error><Key>b</Key><VersionId>x</VersionId><Code>InvalidArgument</Code><Message>Invalid version id specified</Message></Error>',
      ),
    );
  });
}
