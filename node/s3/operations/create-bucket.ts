// PUT /bucket. https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
import { StoreError } from '../../cluster/object-store.ts';
import { S3Error } from '../errors.ts';
import { emptyReply, type Operation, type S3Context } from '../operation.ts';
import type { S3Request } from '../request.ts';
import { child, childText, expectElement, malformed } from '../xml-reader.ts';

const XML_BYTES_MAX = 64 * 1024;

/** Where AWS keeps its oldest behaviour: making one's own bucket again succeeds there and only there. */
const OLDEST_REGION = 'us-east-1';

export const createBucket: Operation = {
  name: 'CreateBucket',
  method: 'PUT',
  scope: 'bucket',
  queries: [],
  note:
    'LocationConstraint must be the region of the cluster, or absent (in every region). An existing bucket: 200 in ' +
    'us-east-1, 409 BucketAlreadyOwnedByYou elsewhere, as AWS.',
  async handle(request, context) {
    checkLocation(await locationConstraint(request), context.region);
    await create(request.bucket, context);
    return emptyReply(200, { Location: `/${request.bucket}` });
  },
};

async function create(bucket: string, context: S3Context): Promise<void> {
  try {
    await context.store.createBucket(bucket);
  } catch (error) {
    const exists = error instanceof StoreError && error.code === 'BucketAlreadyExists';
    if (!exists || context.region !== OLDEST_REGION) throw error;
  }
}

/** null when the request names no place. */
async function locationConstraint(request: S3Request): Promise<string | null> {
  if (!request.hasBody) return null;
  const root = await request.readXml(XML_BYTES_MAX);
  expectElement(root, 'CreateBucketConfiguration', ['LocationConstraint', 'Location', 'Bucket', 'Tags']);
  for (const name of ['Location', 'Bucket', 'Tags']) {
    if (child(root, name) !== null)
      throw new S3Error('NotImplemented', `<${name}> of a new bucket is not implemented.`);
  }
  const constraint = childText(root, 'LocationConstraint');
  if (constraint === null && root.text.trim() !== '')
    throw malformed('text stands where <LocationConstraint> is expected');
  return constraint === '' ? null : constraint;
}

function checkLocation(constraint: string | null, region: string): void {
  if (constraint === null || constraint === region) return;
  throw new S3Error(
    'IllegalLocationConstraintException',
    `The ${constraint} location constraint is incompatible for the region specific endpoint this request was sent to: this cluster is ${region}.`,
  );
}
