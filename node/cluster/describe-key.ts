// Register keys as people read them in logs and reports.
import { KIND, parseObjectKey, parsePartKey, parseUploadKey, type RegisterKey } from '../core/keys.ts';

export function describeKey(key: RegisterKey): string {
  switch (key[0]) {
    case KIND.object: {
      const { bucketId, key: name } = parseObjectKey(key);
      return `object ${name} (bucket ${bucketId})`;
    }
    case KIND.part: {
      const { uploadId, partNumber } = parsePartKey(key);
      return `part ${partNumber} of upload ${uploadId}`;
    }
    case KIND.upload: {
      const { key: name, uploadId } = parseUploadKey(key);
      return `upload ${uploadId} to ${name}`;
    }
    case KIND.bucket:
      return `bucket ${Buffer.from(key.slice(1), 'latin1').toString('utf8')}`;
    default:
      return 'the cluster map';
  }
}
