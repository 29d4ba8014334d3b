// The configurations of buckets and objects that Ashlar does not keep. Asking for one gets the answer that S3 gives when it
// was never set; removing what is not set succeeds; setting one is refused by the router (for ACLs see put-acl.ts).
import { S3Error, type S3ErrorCode } from '../errors.ts';
import {
  emptyReply,
  type Method,
  type Operation,
  type S3Context,
  type S3Reply,
  type Scope,
  xmlReply,
} from '../operation.ts';
import { OWNER_FIELDS, ownerXml } from '../owner.ts';
import type { S3Request } from '../request.ts';
import { requireOnlyVersion } from '../version-id.ts';
import { element, group, xmlDocument } from '../xml.ts';

const PRIVATE_ACL = xmlDocument(
  'AccessControlPolicy',
  ownerXml() +
    group(
      'AccessControlList',
      group(
        'Grant',
        `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">${OWNER_FIELDS}</Grantee>` +
          element('Permission', 'FULL_CONTROL'),
      ),
    ),
);

const empty = (root: string) => xmlDocument(root, '');

export const configurationOperations: readonly Operation[] = [
  answered('GetBucketAcl', 'bucket', 'acl', PRIVATE_ACL, 'The owner has full control, nobody else anything.'),
  answered('GetObjectAcl', 'object', 'acl', PRIVATE_ACL, 'The owner has full control, nobody else anything.'),
  answered('GetBucketVersioning', 'bucket', 'versioning', empty('VersioningConfiguration'), 'Never enabled.'),
  answered('GetBucketLogging', 'bucket', 'logging', empty('BucketLoggingStatus'), 'Not enabled.'),
  answered('GetBucketNotificationConfiguration', 'bucket', 'notification', empty('NotificationConfiguration'), 'None.'),
  answered(
    'GetBucketAccelerateConfiguration',
    'bucket',
    'accelerate',
    empty('AccelerateConfiguration'),
    'Not enabled.',
  ),
  answered(
    'GetBucketRequestPayment',
    'bucket',
    'requestPayment',
    xmlDocument('RequestPaymentConfiguration', element('Payer', 'BucketOwner')),
    'The owner pays.',
  ),
  answered('GetObjectTagging', 'object', 'tagging', xmlDocument('Tagging', group('TagSet', '')), 'No tags.'),
  missing('GetBucketPolicy', 'policy', 'NoSuchBucketPolicy'),
  missing('GetBucketPolicyStatus', 'policyStatus', 'NoSuchBucketPolicy'),
  missing('GetBucketCors', 'cors', 'NoSuchCORSConfiguration'),
  missing('GetBucketLifecycleConfiguration', 'lifecycle', 'NoSuchLifecycleConfiguration'),
  missing('GetBucketTagging', 'tagging', 'NoSuchTagSet'),
  missing('GetBucketEncryption', 'encryption', 'ServerSideEncryptionConfigurationNotFoundError'),
  missing('GetBucketWebsite', 'website', 'NoSuchWebsiteConfiguration'),
  missing('GetBucketReplication', 'replication', 'ReplicationConfigurationNotFoundError'),
  missing('GetPublicAccessBlock', 'publicAccessBlock', 'NoSuchPublicAccessBlockConfiguration'),
  missing('GetBucketOwnershipControls', 'ownershipControls', 'OwnershipControlsNotFoundError'),
  missing('GetObjectLockConfiguration', 'object-lock', 'ObjectLockConfigurationNotFoundError'),
  withoutObjectLock('GetObjectRetention', 'retention'),
  withoutObjectLock('GetObjectLegalHold', 'legal-hold'),
  removed('DeleteBucketPolicy', 'bucket', 'policy'),
  removed('DeleteBucketCors', 'bucket', 'cors'),
  removed('DeleteBucketLifecycle', 'bucket', 'lifecycle'),
  removed('DeleteBucketTagging', 'bucket', 'tagging'),
  removed('DeleteBucketEncryption', 'bucket', 'encryption'),
  removed('DeleteBucketWebsite', 'bucket', 'website'),
  removed('DeleteBucketReplication', 'bucket', 'replication'),
  removed('DeletePublicAccessBlock', 'bucket', 'publicAccessBlock'),
  removed('DeleteBucketOwnershipControls', 'bucket', 'ownershipControls'),
  removed('DeleteObjectTagging', 'object', 'tagging'),
];

function answered(name: string, scope: Scope, query: string, document: string, note: string): Operation {
  return configuration(name, 'GET', scope, query, note, () => xmlReply(document));
}

function missing(name: string, query: string, code: S3ErrorCode): Operation {
  return configuration(name, 'GET', 'bucket', query, `Never set: ${code}.`, () => {
    throw new S3Error(code);
  });
}

function withoutObjectLock(name: string, query: string): Operation {
  return configuration(name, 'GET', 'object', query, 'No bucket has object lock: InvalidRequest.', () => {
    throw new S3Error('InvalidRequest', 'Bucket is missing Object Lock Configuration');
  });
}

function removed(name: string, scope: Scope, query: string): Operation {
  return configuration(name, 'DELETE', scope, query, 'Nothing is set, so nothing is to be removed: 204.', () =>
    emptyReply(204),
  );
}

function configuration(
  name: string,
  method: Method,
  scope: Scope,
  query: string,
  note: string,
  answer: () => S3Reply,
): Operation {
  return {
    name,
    method,
    scope,
    queries: [query],
    note,
    async handle(request, context) {
      await requireTarget(request, scope, context);
      return answer();
    },
  };
}

/** Nothing is said about a bucket or an object that does not exist. */
async function requireTarget(request: S3Request, scope: Scope, { store }: S3Context): Promise<void> {
  if (scope === 'bucket') {
    await store.headBucket(request.bucket);
  } else {
    requireOnlyVersion(request.query);
    await store.getObject(request.bucket, request.key);
  }
}
