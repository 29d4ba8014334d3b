// GET /bucket?list-type=2. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
import { decodeToken, encodeToken } from '../continuation-token.ts';
import { S3Error } from '../errors.ts';
import { commonPrefixesXml, contentsXml, listPage, listParameters, withoutNul } from '../listing.ts';
import { type Operation, xmlReply } from '../operation.ts';
import { element, optional, xmlDocument } from '../xml.ts';

export const listObjectsV2: Operation = {
  name: 'ListObjectsV2',
  method: 'GET',
  scope: 'bucket',
  queries: ['list-type'],
  note: 'prefix, delimiter, start-after, continuation-token, max-keys (at most 1,000 come), encoding-type, fetch-owner.',
  async handle({ bucket, query }, { store }) {
    if (query.get('list-type') !== '2') {
      throw new S3Error('InvalidArgument', 'Invalid List Type specified in Request', {
        ArgumentName: 'list-type',
        ArgumentValue: query.get('list-type') ?? '',
      });
    }
    const parameters = listParameters(query, 'max-keys');
    const { prefix, delimiter, limit, encode, encodingType } = parameters;
    const startAfter = withoutNul(query, 'start-after');
    const token = query.get('continuation-token') ?? null;
    const withOwner = query.get('fetch-owner') === 'true';
    const after = token === null ? startAfter : decodeToken(token);
    const page = await listPage(store, bucket, { prefix, delimiter, after, limit });
    return xmlReply(
      xmlDocument(
        'ListBucketResult',
        element('Name', bucket) +
          element('Prefix', encode(prefix)) +
          optional('StartAfter', startAfter === '' ? null : encode(startAfter)) +
          optional('ContinuationToken', token) +
          optional('NextContinuationToken', page.next === null ? null : encodeToken(page.next)) +
          element('KeyCount', page.entries.length + page.commonPrefixes.length) +
          element('MaxKeys', limit) +
          optional('Delimiter', delimiter === '' ? null : encode(delimiter)) +
          optional('EncodingType', encodingType) +
          element('IsTruncated', page.next !== null) +
          page.entries.map((info) => contentsXml(info, parameters, withOwner)).join('') +
          commonPrefixesXml(page.commonPrefixes, parameters),
      ),
    );
  },
};
