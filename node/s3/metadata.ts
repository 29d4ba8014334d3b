// What a client stores with an object besides its bytes: system headers and x-amz-meta-*. Values are kept exactly as they came,
// as code units 0-255, and go out the same way.
import type { ObjectMetadata } from '../cluster/object-store.ts';
import type { HeaderList } from './auth/request.ts';
import { S3Error } from './errors.ts';

/** AWS: "the user-defined metadata is limited to 2 KB", names and values counted, the x-amz-meta- prefix not. */
export const USER_METADATA_BYTES_MAX = 2048;

const USER_PREFIX = 'x-amz-meta-';

/** The system headers that are kept, by lower-case name, as they are spelled in answers. */
export const SYSTEM_HEADERS: ReadonlyMap<string, string> = new Map([
  ['cache-control', 'Cache-Control'],
  ['content-disposition', 'Content-Disposition'],
  ['content-encoding', 'Content-Encoding'],
  ['content-language', 'Content-Language'],
  ['content-type', 'Content-Type'],
  ['expires', 'Expires'],
]);

/** What AWS answers for an object that was stored without a type. */
export const DEFAULT_CONTENT_TYPE = 'binary/octet-stream';

/** Throws S3Error('MetadataTooLarge'). */
export function metadataOf(headers: HeaderList): ObjectMetadata {
  const system: Record<string, string> = {};
  const user: Record<string, string> = {};
  let userBytes = 0;
  for (const name of headers.names()) {
    if (SYSTEM_HEADERS.has(name)) {
      const value = name === 'content-encoding' ? withoutAwsChunked(headers.get(name)!) : headers.get(name)!;
      if (value !== '') system[name] = value;
    } else if (name.startsWith(USER_PREFIX) && name.length > USER_PREFIX.length) {
      const value = headers.get(name)!;
      userBytes += name.length - USER_PREFIX.length + value.length;
      user[name.slice(USER_PREFIX.length)] = value;
    }
  }
  if (userBytes > USER_METADATA_BYTES_MAX) {
    throw new S3Error('MetadataTooLarge', undefined, {
      Size: String(userBytes),
      MaxSizeAllowed: String(USER_METADATA_BYTES_MAX),
    });
  }
  return { headers: system, user };
}

/** aws-chunked says how the body travels, not what it is; the rest is the object's own encoding. */
function withoutAwsChunked(contentEncoding: string): string {
  return contentEncoding
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding.toLowerCase() !== 'aws-chunked')
    .join(',');
}
