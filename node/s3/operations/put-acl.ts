// PUT ?acl on a bucket or an object. https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObjectAcl.html
// ACLs are disabled, as in every new bucket at AWS: what says that the owner has full control and nobody else anything is so
// already and accepted (s3cmd sends it after each copy); everything else is refused.
import { S3Error } from '../errors.ts';
import { emptyReply, type Operation, type S3Context, type Scope } from '../operation.ts';
import { OWNER_ID } from '../owner.ts';
import type { S3Request } from '../request.ts';
import { requireOnlyVersion } from '../version-id.ts';
import { child, childText, expectElement, malformed, type XmlElement } from '../xml-reader.ts';

const XML_BYTES_MAX = 64 * 1024;

export const putBucketAcl = putAcl('PutBucketAcl', 'bucket', async ({ bucket }, { store }) => {
  await store.headBucket(bucket);
});

export const putObjectAcl = putAcl('PutObjectAcl', 'object', async ({ bucket, key, query }, { store }) => {
  requireOnlyVersion(query);
  await store.getObject(bucket, key);
});

function putAcl(
  name: string,
  scope: Scope,
  requireTarget: (request: S3Request, context: S3Context) => Promise<void>,
): Operation {
  return {
    name,
    method: 'PUT',
    scope,
    queries: ['acl'],
    note:
      'Only what is so anyway: the canned ACL private, or a document that gives the owner full control and nobody ' +
      'else anything. Any other: AccessControlListNotSupported.',
    async handle(request, context) {
      await requireTarget(request, context);
      if (request.hasBody) {
        requireOwnerOnly(await request.readXml(XML_BYTES_MAX));
      } else if (!request.headers.has('x-amz-acl')) {
        // Other canned ACLs and all grant headers were refused before, by name (refusals.ts); here nothing is asked for.
        throw new S3Error('MissingSecurityHeader');
      }
      return emptyReply(200);
    },
  };
}

function requireOwnerOnly(policy: XmlElement): void {
  expectElement(policy, 'AccessControlPolicy', ['Owner', 'AccessControlList']);
  const owner = child(policy, 'Owner');
  const list = child(policy, 'AccessControlList');
  if (list === null) throw malformed('<AccessControlPolicy> has no <AccessControlList>');
  expectElement(list, 'AccessControlList', ['Grant']);
  const foreignOwner = owner !== null && childText(owner, 'ID') !== OWNER_ID;
  if (foreignOwner || list.children.length === 0 || !list.children.every(isOwnersFullControl)) {
    throw new S3Error('AccessControlListNotSupported');
  }
}

function isOwnersFullControl(grant: XmlElement): boolean {
  expectElement(grant, 'Grant', ['Grantee', 'Permission']);
  const grantee = child(grant, 'Grantee');
  if (grantee === null) throw malformed('a <Grant> has no <Grantee>');
  return childText(grantee, 'ID') === OWNER_ID && childText(grant, 'Permission') === 'FULL_CONTROL';
}
