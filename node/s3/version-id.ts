// Objects have one version here, whose id is S3's "null". Any other id was never given out by us.
import type { Query } from './address.ts';
import { S3Error } from './errors.ts';

/** Throws S3Error('InvalidArgument') when the request is about a version other than the only one. */
export function requireOnlyVersion(query: Query): void {
  const versionId = query.get('versionId');
  if (versionId === undefined || versionId === 'null') return;
  throw new S3Error('InvalidArgument', 'Invalid version id specified', {
    ArgumentName: 'versionId',
    ArgumentValue: versionId,
  });
}
