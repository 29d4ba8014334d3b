// GET /bucket, the first version. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjects.html
import { commonPrefixesXml, contentsXml, listPage, listParameters, withoutNul } from '../listing.ts';
import { type Operation, xmlReply } from '../operation.ts';
import { element, optional, xmlDocument } from '../xml.ts';

export const listObjects: Operation = {
  name: 'ListObjects',
  method: 'GET',
  scope: 'bucket',
  queries: [],
  note: 'prefix, delimiter, marker, max-keys (at most 1,000 come), encoding-type. NextMarker only with a delimiter, as AWS.',
  async handle({ bucket, query }, { store }) {
    const parameters = listParameters(query, 'max-keys');
    const { prefix, delimiter, limit, encode, encodingType } = parameters;
    const marker = withoutNul(query, 'marker');
    const page = await listPage(store, bucket, { prefix, delimiter, after: marker, limit });
    return xmlReply(
      xmlDocument(
        'ListBucketResult',
        element('Name', bucket) +
          element('Prefix', encode(prefix)) +
          element('Marker', encode(marker)) +
          optional('NextMarker', page.next !== null && delimiter !== '' ? encode(page.next) : null) +
          element('MaxKeys', limit) +
          optional('Delimiter', delimiter === '' ? null : encode(delimiter)) +
          optional('EncodingType', encodingType) +
          element('IsTruncated', page.next !== null) +
          page.entries.map((info) => contentsXml(info, parameters, true)).join('') +
          commonPrefixesXml(page.commonPrefixes, parameters),
      ),
    );
  },
};
