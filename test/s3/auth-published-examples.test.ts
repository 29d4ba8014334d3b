// The worked examples of the AWS documentation, with the signatures printed there:
// https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html and sigv4-query-string-auth.html
import { expect, test } from 'vitest';
import { plainRequest } from '../../node/s3/auth/request.ts';
import { ACCESS_KEY_ID, authenticatorAt, refusal } from './auth-fixture.ts';

const AT = Date.UTC(2013, 4, 24);
const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const CREDENTIAL = `${ACCESS_KEY_ID}/20130524/us-east-1/s3/aws4_request`;

const examples = [
  {
    name: 'GET object with a range',
    method: 'GET',
    target: '/test.txt',
    headers: { Range: 'bytes=0-9' },
    sha256: EMPTY_SHA256,
    signedHeaders: 'host;range;x-amz-content-sha256;x-amz-date',
    signature: 'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
  },
  {
    name: 'PUT object with a dollar sign in its key',
    method: 'PUT',
    target: '/test%24file.text',
    headers: { Date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
    sha256: '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
    signedHeaders: 'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
    signature: '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
  },
  {
    name: 'GET bucket lifecycle, a parameter without a value',
    method: 'GET',
    target: '/?lifecycle',
    headers: {},
    sha256: EMPTY_SHA256,
    signedHeaders: 'host;x-amz-content-sha256;x-amz-date',
    signature: 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
  },
  {
    name: 'list objects, two parameters',
    method: 'GET',
    target: '/?max-keys=2&prefix=J',
    headers: {},
    sha256: EMPTY_SHA256,
    signedHeaders: 'host;x-amz-content-sha256;x-amz-date',
    signature: '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
  },
];

function request(example: (typeof examples)[number], signature: string) {
  const authorization = `AWS4-HMAC-SHA256 Credential=${CREDENTIAL},SignedHeaders=${example.signedHeaders},Signature=${signature}`;
  return plainRequest(example.method, example.target, [
    ...['Host', 'examplebucket.s3.amazonaws.com'],
    ...Object.entries(example.headers).flat(),
    ...['x-amz-content-sha256', example.sha256],
    ...['x-amz-date', '20130524T000000Z'],
    ...['Authorization', authorization],
  ]);
}

test.each(examples)('$name: the published signature is accepted', (example) => {
  const authentication = authenticatorAt(AT).authenticate(request(example, example.signature));
  expect(authentication).toMatchObject({
    accessKeyId: ACCESS_KEY_ID,
    principal: 'alice',
    presigned: false,
    payload: { kind: 'signed', sha256: example.sha256 },
  });
});

test.each(examples)('$name: the signature with its last digit changed is refused', (example) => {
  const wrong = example.signature.slice(0, -1) + (example.signature.endsWith('0') ? '1' : '0');
  const error = refusal(() => authenticatorAt(AT).authenticate(request(example, wrong)));
  expect(error.code).toBe('SignatureDoesNotMatch');
});

test('the refusal shows the canonical request and the string to sign of the published GET example', () => {
  const error = refusal(() => authenticatorAt(AT).authenticate(request(examples[0]!, '0'.repeat(64))));
  expect(error.status).toBe(403);
  expect(error.details).toEqual({
    AWSAccessKeyId: ACCESS_KEY_ID,
    StringToSign: [
      'AWS4-HMAC-SHA256',
      '20130524T000000Z',
      '20130524/us-east-1/s3/aws4_request',
      '7344ae5b7ee6c3e7e6b0fe0640412a37625d1fbfff95c48bbb2dc43964946972',
    ].join('\n'),
    SignatureProvided: '0'.repeat(64),
    StringToSignBytes: expect.stringMatching(/^41 57 53 34 2d 48 4d 41 43 (?:[0-9a-f]{2} )*37 32$/),
    CanonicalRequest: [
      'GET',
      '/test.txt',
      '',
      'host:examplebucket.s3.amazonaws.com',
      'range:bytes=0-9',
      `x-amz-content-sha256:${EMPTY_SHA256}`,
      'x-amz-date:20130524T000000Z',
      '',
      'host;range;x-amz-content-sha256;x-amz-date',
      EMPTY_SHA256,
    ].join('\n'),
    CanonicalRequestBytes: expect.stringMatching(/^47 45 54 0a 2f 74 (?:[0-9a-f]{2} )*35 35$/),
  });
});

test('the published presigned URL is accepted, and says nothing about the body', () => {
  const target = `/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(CREDENTIAL)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`;
  const presigned = plainRequest('GET', target, ['Host', 'examplebucket.s3.amazonaws.com']);
  expect(authenticatorAt(AT).authenticate(presigned)).toMatchObject({
    principal: 'alice',
    presigned: true,
    payload: { kind: 'unsigned' },
  });
});

test('the seed signature of the published chunked upload is accepted and passed on to the chunks', () => {
  const signature = '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9';
  const signedHeaders =
    'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class';
  const upload = plainRequest('PUT', '/examplebucket/chunkObject.txt', [
    ...['Host', 's3.amazonaws.com'],
    ...['x-amz-date', '20130524T000000Z'],
    ...['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
    ...[
      'Authorization',
      `AWS4-HMAC-SHA256 Credential=${CREDENTIAL},SignedHeaders=${signedHeaders},Signature=${signature}`,
    ],
    ...['x-amz-content-sha256', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'],
    ...['Content-Encoding', 'aws-chunked'],
    ...['x-amz-decoded-content-length', '66560'],
    ...['Content-Length', '66824'],
  ]);
  expect(authenticatorAt(AT).authenticate(upload).payload).toMatchObject({
    kind: 'chunks-signed',
    trailer: false,
    signing: {
      timestamp: '20130524T000000Z',
      scope: '20130524/us-east-1/s3/aws4_request',
      seedSignature: signature,
    },
  });
});
