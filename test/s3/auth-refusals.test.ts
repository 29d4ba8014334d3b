// Every way in which a request can fail to prove who sends it, with S3's code, message and details. The requests are those of
// the real AWS SDK, changed in one place.
import { ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseTimestamp } from '../../node/s3/auth/claim.ts';
import { plainRequest } from '../../node/s3/auth/request.ts';
import {
  ACCESS_KEY_ID,
  authenticatorAt,
  type CapturedRequest,
  capturingClient,
  headerOf,
  plain,
  refusal,
  withHeader,
} from './auth-fixture.ts';

const MINUTE_MS = 60_000;
let good: CapturedRequest;
/** Of the timestamp in the request, to the second. */
let signedAtMs: number;
/** Of a presigned GET that is valid for 600 s. */
let presigned: URL;
let presignedAtMs: number;

beforeAll(async () => {
  const { client, captured } = capturingClient();
  await client.send(new PutObjectCommand({ Bucket: 'bucket', Key: 'key', Body: 'hello', Metadata: { color: 'red' } }));
  good = captured[0]!;
  signedAtMs = parseTimestamp(headerOf(good, 'x-amz-date'))!;
  presigned = new URL(
    await getSignedUrl(client, new ListObjectsV2Command({ Bucket: 'bucket', Prefix: 'a b/' }), { expiresIn: 600 }),
  );
  presignedAtMs = parseTimestamp(presigned.searchParams.get('X-Amz-Date')!)!;
});

const refuse = (request: CapturedRequest, atMs = signedAtMs, region?: string) =>
  refusal(() => authenticatorAt(atMs, region).authenticate(plain(request)));

const accept = (request: CapturedRequest, atMs = signedAtMs) =>
  authenticatorAt(atMs).authenticate(plain(request)).principal;

function authorizationWith(change: (authorization: string) => string): CapturedRequest {
  return withHeader(good, 'authorization', change(headerOf(good, 'authorization')));
}

test('the request that all others here are changed from is accepted', () => {
  expect(accept(good)).toBe('alice');
});

describe('who', () => {
  test('a request without any authentication is AccessDenied', () => {
    const error = refuse(withHeader(good, 'authorization', null));
    expect([error.code, error.status, error.message]).toEqual(['AccessDenied', 403, 'Access Denied']);
  });

  test('an unknown access key id is InvalidAccessKeyId and is named', () => {
    const error = refuse(authorizationWith((text) => text.replace(ACCESS_KEY_ID, 'AKIAUNKNOWN')));
    expect([error.code, error.status]).toEqual(['InvalidAccessKeyId', 403]);
    expect(error.details).toEqual({ AWSAccessKeyId: 'AKIAUNKNOWN' });
  });

  test('a session token, which nobody here issues, is InvalidToken', () => {
    expect(refuse(withHeader(good, 'x-amz-security-token', 'token')).code).toBe('InvalidToken');
  });

  test('signature version 2 in the header is refused with the version to use', () => {
    const error = refuse(withHeader(good, 'authorization', `AWS ${ACCESS_KEY_ID}:frJIUN8DYpKDtOLCwo//yllqDzg=`));
    expect([error.code, error.message]).toEqual([
      'InvalidRequest',
      'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    ]);
  });

  test('signature version 2 in the query is refused with the version to use', () => {
    const target = `/b/k?AWSAccessKeyId=${ACCESS_KEY_ID}&Expires=1141889120&Signature=vjbyPxybdZaNmGa%2ByT272YEAiv4%3D`;
    const error = refusal(() => authenticatorAt(0).authenticate(plainRequest('GET', target, ['Host', 'h'])));
    expect([error.code, error.message]).toEqual([
      'InvalidRequest',
      'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    ]);
  });

  test('another scheme is InvalidArgument with what was sent', () => {
    const error = refuse(withHeader(good, 'authorization', 'Basic dTpw'));
    expect([error.code, error.message]).toEqual(['InvalidArgument', 'Unsupported Authorization Type']);
    expect(error.details).toEqual({ ArgumentName: 'Authorization', ArgumentValue: 'Basic dTpw' });
  });

  test('a header and a presigned query at once are refused', () => {
    const both = { ...good, target: `${good.target}&X-Amz-Algorithm=AWS4-HMAC-SHA256` };
    expect(refuse(both).message).toMatch(/^Only one auth mechanism allowed/);
  });

  test('two Authorization headers are refused', () => {
    const twice = { ...good, rawHeaders: [...good.rawHeaders, 'authorization', headerOf(good, 'authorization')] };
    expect(refuse(twice).message).toMatch(/^Only one auth mechanism allowed/);
  });
});

describe('a malformed Authorization header', () => {
  const needsThree =
    'The authorization header is malformed; the authorization header requires three components: Credential, SignedHeaders, and Signature.';

  test.each([
    [
      'nothing after the mechanism',
      'AWS4-HMAC-SHA256',
      'The authorization header is malformed; the authorization component "" is malformed.',
    ],
    [
      'a component without a value',
      'AWS4-HMAC-SHA256 Credential',
      'The authorization header is malformed; the authorization component "Credential" is malformed.',
    ],
    ['one component', 'AWS4-HMAC-SHA256 Credential=a/20130524/us-east-1/s3/aws4_request', needsThree],
    [
      'an empty signature',
      'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Signature=',
      'The authorization header is malformed; missing Signature.',
    ],
    [
      'no signature',
      'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host, Other=x',
      'The authorization header is malformed; missing Signature.',
    ],
    [
      'no credential',
      'AWS4-HMAC-SHA256 Other=a, SignedHeaders=host, Signature=x',
      'The authorization header is malformed; missing Credential.',
    ],
    [
      'no signed headers',
      'AWS4-HMAC-SHA256 Credential=a, Other=host, Signature=x',
      'The authorization header is malformed; missing SignedHeaders.',
    ],
  ])('with %s', (_, authorization, message) => {
    const error = refuse(withHeader(good, 'authorization', authorization));
    expect([error.code, error.status, error.message]).toEqual(['AuthorizationHeaderMalformed', 400, message]);
  });

  test.each([
    [
      'too short',
      () => ACCESS_KEY_ID,
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    ],
    [
      'without an access key id',
      (c: string) => c.replace(ACCESS_KEY_ID, ''),
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    ],
    [
      'with a date that is none',
      (c: string) => c.replace(/\/\d{8}\//, '/2013-5-2/'),
      'incorrect date format "2013-5-2". This date in the credential must be in the format "yyyyMMdd".',
    ],
    [
      'for another service',
      (c: string) => c.replace('/s3/', '/ec2/'),
      'incorrect service "ec2". This endpoint belongs to "s3".',
    ],
    [
      'with another terminal',
      (c: string) => c.replace('aws4_request', 'aws5_request'),
      'incorrect terminal "aws5_request". This endpoint uses "aws4_request".',
    ],
  ])('with a credential %s', (_, change, message) => {
    const error = refuse(authorizationWith((text) => text.replace(/(?<=Credential=)[^,]*/, change)));
    expect([error.code, error.message]).toEqual([
      'AuthorizationHeaderMalformed',
      `The authorization header is malformed; ${message}`,
    ]);
  });

  test('with a credential of another day than x-amz-date', () => {
    const error = refuse(authorizationWith((text) => text.replace(/\/\d{8}\//, '/20130524/')));
    expect(error.message).toBe(
      `The authorization header is malformed; Invalid credential date "20130524". This date is not the same as X-Amz-Date: "${headerOf(good, 'x-amz-date').slice(0, 8)}".`,
    );
  });

  test('for another region names the right one', () => {
    const error = refuse(good, signedAtMs, 'eu-west-1');
    expect([error.code, error.message]).toEqual([
      'AuthorizationHeaderMalformed',
      "The authorization header is malformed; the region 'us-east-1' is wrong; expecting 'eu-west-1'",
    ]);
    expect(error.details).toEqual({ Region: 'eu-west-1' });
  });
});

describe('what was signed', () => {
  test.each<[string, (request: CapturedRequest) => CapturedRequest]>([
    ['another method', (request) => ({ ...request, method: 'DELETE' })],
    ['another key', (request) => ({ ...request, target: request.target.replace('/key', '/kez') })],
    ['an added parameter', (request) => ({ ...request, target: `${request.target}&acl` })],
    ['another metadata value', (request) => withHeader(request, 'x-amz-meta-color', 'blue')],
    ['a left-out metadata header', (request) => withHeader(request, 'x-amz-meta-color', null)],
    ['another host', (request) => withHeader(request, 'host', 'elsewhere')],
    ['another body hash', (request) => withHeader(request, 'x-amz-content-sha256', '0'.repeat(64))],
  ])('%s is SignatureDoesNotMatch', (_, change) => {
    expect(refuse(change(good)).code).toBe('SignatureDoesNotMatch');
  });

  test('an upper-case or shortened signature is SignatureDoesNotMatch', () => {
    const changed = (change: (signature: string) => string) =>
      authorizationWith((text) => text.replace(/(?<=Signature=).*/, change));
    expect(refuse(changed((signature) => signature.toUpperCase())).code).toBe('SignatureDoesNotMatch');
    expect(refuse(changed((signature) => signature.slice(0, 63))).code).toBe('SignatureDoesNotMatch');
  });

  test('x-amz-* headers that were added are named', () => {
    const error = refuse(withHeader(withHeader(good, 'x-amz-meta-a', '1'), 'x-amz-acl', 'public-read'));
    expect([error.code, error.status, error.message]).toEqual([
      'AccessDenied',
      403,
      'There were headers present in the request which were not signed',
    ]);
    expect(error.details).toEqual({ HeadersNotSigned: 'x-amz-meta-a, x-amz-acl' });
  });

  test('the host must be among the signed headers', () => {
    const error = refuse(authorizationWith((text) => text.replace('host;', '')));
    expect(error.details).toEqual({ HeadersNotSigned: 'host' });
  });

  test('other headers may be added', () => {
    expect(accept(withHeader(good, 'via', '1.1 proxy'))).toBe('alice');
  });

  test('a missing x-amz-content-sha256 is InvalidRequest', () => {
    const error = refuse(withHeader(good, 'x-amz-content-sha256', null));
    expect([error.code, error.message]).toEqual([
      'InvalidRequest',
      'Missing required header for this request: x-amz-content-sha256',
    ]);
  });

  test.each(['hello', 'a'.repeat(63), 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD', 'toString'])(
    'an x-amz-content-sha256 of %s is InvalidArgument',
    (value) => {
      const error = refuse(withHeader(good, 'x-amz-content-sha256', value));
      expect(error.code).toBe('InvalidArgument');
      expect(error.details).toEqual({ ArgumentName: 'x-amz-content-sha256', ArgumentValue: value });
    },
  );
});

describe('when', () => {
  test.each([-15, 15])('a clock that is %i minutes off is accepted', (minutes) => {
    expect(accept(good, signedAtMs + minutes * MINUTE_MS)).toBe('alice');
  });

  test.each([-20, 20])('a clock that is %i minutes off is RequestTimeTooSkewed with both times', (minutes) => {
    const error = refuse(good, signedAtMs + minutes * MINUTE_MS);
    expect([error.code, error.status]).toEqual(['RequestTimeTooSkewed', 403]);
    expect(error.details).toEqual({
      RequestTime: headerOf(good, 'x-amz-date'),
      ServerTime: new Date(signedAtMs + minutes * MINUTE_MS).toISOString().replace('.000', ''),
      MaxAllowedSkewMilliseconds: '900000',
    });
  });

  test('one millisecond more than 15 minutes is too much', () => {
    expect(refuse(good, signedAtMs + 15 * MINUTE_MS + 1).code).toBe('RequestTimeTooSkewed');
  });

  test.each(['20130532T000000Z', '20131301T000000Z', '2013-05-24T00:00:00Z', 'yesterday', ''])(
    'an x-amz-date of "%s" is AccessDenied',
    (value) => {
      const error = refuse(withHeader(good, 'x-amz-date', value));
      expect([error.code, error.message]).toEqual([
        'AccessDenied',
        'AWS authentication requires a valid Date or x-amz-date header',
      ]);
    },
  );

  test('no date at all is AccessDenied', () => {
    expect(refuse(withHeader(good, 'x-amz-date', null)).message).toBe(
      'AWS authentication requires a valid Date or x-amz-date header',
    );
  });
});

describe('a presigned URL', () => {
  const request = (change: (url: URL) => void = () => undefined, rawHeaders: string[] = []) => {
    const url = new URL(presigned);
    change(url);
    return plainRequest('GET', url.pathname + url.search, ['Host', url.host, ...rawHeaders]);
  };
  const refuseUrl = (change: (url: URL) => void, atMs = presignedAtMs) =>
    refusal(() => authenticatorAt(atMs).authenticate(request(change)));

  test('is accepted from 15 minutes before it was made until the second in which it expires', () => {
    for (const atMs of [presignedAtMs - 15 * MINUTE_MS, presignedAtMs, presignedAtMs + 600_000]) {
      expect(authenticatorAt(atMs).authenticate(request()).presigned).toBe(true);
    }
  });

  test('that has expired is AccessDenied with the times', () => {
    const error = refuseUrl(() => undefined, presignedAtMs + 600_001);
    expect([error.code, error.status, error.message]).toEqual(['AccessDenied', 403, 'Request has expired']);
    expect(error.details).toMatchObject({
      'X-Amz-Expires': '600',
      Expires: new Date(presignedAtMs + 600_000).toISOString().replace('.000', ''),
    });
  });

  test('from more than 15 minutes in the future is AccessDenied', () => {
    const error = refuseUrl(() => undefined, presignedAtMs - 15 * MINUTE_MS - 1000);
    expect([error.code, error.message]).toEqual(['AccessDenied', 'Request is not valid yet']);
  });

  test('with a changed parameter is SignatureDoesNotMatch, and the string shown leaves the signature out', () => {
    const error = refuseUrl((url) => url.searchParams.set('prefix', 'b'));
    expect(error.code).toBe('SignatureDoesNotMatch');
    expect(error.details.CanonicalRequest).toContain('&list-type=2&prefix=b');
    expect(error.details.CanonicalRequest).not.toContain('X-Amz-Signature');
  });

  const tooLong =
    'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds';
  const required =
    'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.';
  const prefix = 'Error parsing the X-Amz-Credential parameter; ';

  test.each([
    ['X-Amz-Expires', '604801', tooLong],
    ['X-Amz-Expires', '0', 'X-Amz-Expires must be at least 1 second'],
    ['X-Amz-Expires', '-1', 'X-Amz-Expires must be non-negative'],
    ['X-Amz-Expires', 'soon', 'X-Amz-Expires should be a number'],
    ['X-Amz-Expires', null, required],
    ['X-Amz-Date', null, required],
    ['X-Amz-Credential', null, required],
    ['X-Amz-Signature', null, required],
    ['X-Amz-SignedHeaders', '', required],
    ['X-Amz-Algorithm', 'AWS4-ECDSA-P256-SHA256', 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"'],
    ['X-Amz-Date', '20130524', `X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`],
    [
      'X-Amz-Credential',
      'a/b',
      `${prefix}the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`,
    ],
    [
      'X-Amz-Credential',
      'a/2013/us-east-1/s3/aws4_request',
      `${prefix}incorrect date format "2013". This date in the credential must be in the format "yyyyMMdd".`,
    ],
    [
      'X-Amz-Credential',
      'a/20130524/mars/s3/aws4_request',
      `${prefix}the region 'mars' is wrong; expecting 'us-east-1'`,
    ],
    [
      'X-Amz-Credential',
      'a/20130524/us-east-1/ec2/aws4_request',
      `${prefix}incorrect service "ec2". This endpoint belongs to "s3".`,
    ],
    [
      'X-Amz-Credential',
      'a/20130524/us-east-1/s3/x',
      `${prefix}incorrect terminal "x". This endpoint uses "aws4_request".`,
    ],
  ])('with %s=%s is AuthorizationQueryParametersError', (name, value, message) => {
    const error = refuseUrl((url) => {
      if (value === null) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    });
    expect([error.code, error.status, error.message]).toEqual(['AuthorizationQueryParametersError', 400, message]);
  });

  test('with a credential of another day than X-Amz-Date is AuthorizationQueryParametersError', () => {
    const error = refuseUrl((url) => url.searchParams.set('X-Amz-Date', '20130524T000000Z'));
    expect(error.code).toBe('AuthorizationQueryParametersError');
    expect(error.message).toMatch(
      /^Invalid credential date "\d{8}"\. This date is not the same as X-Amz-Date: "20130524"\.$/,
    );
  });

  test('cannot be extended', () => {
    expect(refuseUrl((url) => url.searchParams.set('X-Amz-Expires', '604800')).code).toBe('SignatureDoesNotMatch');
  });

  test('with an x-amz-* header that was not signed is AccessDenied', () => {
    const error = refusal(() =>
      authenticatorAt(presignedAtMs).authenticate(request(undefined, ['x-amz-acl', 'public-read'])),
    );
    expect(error.details).toEqual({ HeadersNotSigned: 'x-amz-acl' });
  });
});
