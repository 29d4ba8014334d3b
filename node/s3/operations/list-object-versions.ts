// GET /bucket?versions. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
import type { ObjectInfo } from '../../cluster/object-store.ts';
import {
  checksumKindXml,
  commonPrefixesXml,
  type ListParameters,
  listPage,
  listParameters,
  withoutNul,
} from '../listing.ts';
import { isoDate } from '../object-headers.ts';
import { type Operation, xmlReply } from '../operation.ts';
import { ownerXml } from '../owner.ts';
import { element, group, optional, xmlDocument } from '../xml.ts';

export const listObjectVersions: Operation = {
  name: 'ListObjectVersions',
  method: 'GET',
  scope: 'bucket',
  queries: ['versions'],
  note: 'Each object with its only version, whose id is null, as AWS answers for a bucket that never had versioning.',
  async handle({ bucket, query }, { store }) {
    const parameters = listParameters(query, 'max-keys');
    const { prefix, delimiter, limit, encode, encodingType } = parameters;
    // A key has one version, so a version-id-marker leaves nothing more of the key that it stands in.
    const keyMarker = withoutNul(query, 'key-marker');
    const page = await listPage(store, bucket, { prefix, delimiter, after: keyMarker, limit });
    const nextIsKey = page.next !== null && !page.commonPrefixes.includes(page.next);
    return xmlReply(
      xmlDocument(
        'ListVersionsResult',
        element('Name', bucket) +
          element('Prefix', encode(prefix)) +
          element('KeyMarker', encode(keyMarker)) +
          element('VersionIdMarker', query.get('version-id-marker') ?? '') +
          optional('NextKeyMarker', page.next === null ? null : encode(page.next)) +
          optional('NextVersionIdMarker', nextIsKey ? 'null' : null) +
          element('MaxKeys', limit) +
          optional('Delimiter', delimiter === '' ? null : encode(delimiter)) +
          optional('EncodingType', encodingType) +
          element('IsTruncated', page.next !== null) +
          page.entries.map((info) => versionXml(info, parameters)).join('') +
          commonPrefixesXml(page.commonPrefixes, parameters),
      ),
    );
  },
};

function versionXml(info: ObjectInfo, parameters: ListParameters): string {
  return group(
    'Version',
    element('Key', parameters.encode(info.key)) +
      element('VersionId', 'null') +
      element('IsLatest', true) +
      element('LastModified', isoDate(info.modifiedMs)) +
      element('ETag', `"${info.etag}"`) +
      checksumKindXml(info) +
      element('Size', info.sizeBytes) +
      ownerXml() +
      element('StorageClass', 'STANDARD'),
  );
}
