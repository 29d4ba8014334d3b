// GET /. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
import { decodeToken, encodeToken } from '../continuation-token.ts';
import { S3Error } from '../errors.ts';
import { isoDate } from '../object-headers.ts';
import { type Operation, xmlReply } from '../operation.ts';
import { ownerXml } from '../owner.ts';
import { element, group, optional, xmlDocument } from '../xml.ts';

const MAX_BUCKETS = 10_000;

export const listBuckets: Operation = {
  name: 'ListBuckets',
  method: 'GET',
  scope: 'service',
  queries: [],
  note: 'With prefix, max-buckets, continuation-token and bucket-region. One owner has all buckets.',
  async handle({ query }, { store, region }) {
    const prefix = query.get('prefix') ?? '';
    const token = query.get('continuation-token');
    const after = token === undefined ? '' : decodeToken(token);
    const limit = maxBuckets(query.get('max-buckets'));
    const elsewhere = (query.get('bucket-region') ?? region) !== region;
    const buckets = (elsewhere ? [] : await store.listBuckets())
      .filter(({ name }) => name.startsWith(prefix) && name > after)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
    const page = buckets.slice(0, limit);
    const next = page.length < buckets.length ? page.at(-1)!.name : null;
    const entries = page.map(({ name, createdMs }) =>
      group('Bucket', element('Name', name) + element('CreationDate', isoDate(createdMs))),
    );
    return xmlReply(
      xmlDocument(
        'ListAllMyBucketsResult',
        ownerXml() +
          group('Buckets', entries.join('')) +
          optional('ContinuationToken', next === null ? null : encodeToken(next)) +
          optional('Prefix', prefix === '' ? null : prefix),
      ),
    );
  },
};

function maxBuckets(text: string | undefined): number {
  if (text === undefined) return MAX_BUCKETS;
  const value = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MAX_BUCKETS) return value;
  throw new S3Error('InvalidArgument', `Argument max-buckets must be an integer between 1 and ${MAX_BUCKETS}`, {
    ArgumentName: 'max-buckets',
    ArgumentValue: text,
  });
}
