// GET /bucket?location. https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
import { type Operation, xmlReply } from '../operation.ts';
import { escapeXml, xmlDocument } from '../xml.ts';

export const getBucketLocation: Operation = {
  name: 'GetBucketLocation',
  method: 'GET',
  scope: 'bucket',
  queries: ['location'],
  note: 'The region of the cluster; empty for us-east-1, as AWS.',
  async handle(request, { store, region }) {
    await store.headBucket(request.bucket);
    return xmlReply(xmlDocument('LocationConstraint', region === 'us-east-1' ? '' : escapeXml(region)));
  },
};
