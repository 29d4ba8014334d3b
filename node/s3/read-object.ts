// What GET and HEAD of an object answer: conditions, range or part, and the headers. Pure; the bytes are GetObject's affair.
import type { ByteRange, Checksums, ObjectInfo } from '../cluster/object-store.ts';
import { judgeRead, readConditions } from './conditions.ts';
import { S3Error } from './errors.ts';
import { parsePartNumber } from './names.ts';
import { checksumHeaders, objectHeaders } from './object-headers.ts';
import { chooseRange, rangeSizeBytes } from './range.ts';
import type { S3Request } from './request.ts';
import { requireOnlyVersion } from './version-id.ts';

export interface ReadAnswer {
  readonly status: 200 | 206 | 304;
  readonly headers: Record<string, string>;
  /** null: the whole object. */
  readonly range: ByteRange | null;
  readonly sizeBytes: number;
}

/** Throws S3Error('PreconditionFailed' | 'InvalidRange' | 'InvalidPartNumber' | 'InvalidArgument' | 'InvalidRequest'). */
export function describeRead(request: S3Request, info: ObjectInfo): ReadAnswer {
  requireOnlyVersion(request.query);
  const headers = objectHeaders(info, request.query);
  const verdict = judgeRead(readConditions(request.headers, ''), info);
  if (verdict.kind === 'failed') {
    throw new S3Error('PreconditionFailed', undefined, { Condition: verdict.condition });
  }
  if (verdict.kind === 'not-modified') return { status: 304, headers, range: null, sizeBytes: 0 };
  const part = choosePart(request, info);
  const range = part === null ? rangeOf(request, info) : part.range;
  if (part?.count != null) headers['x-amz-mp-parts-count'] = String(part.count);
  if (request.headers.get('x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') {
    Object.assign(headers, describeChecksums(info, range, part?.checksums ?? null));
  }
  if (range === null) return { status: 200, headers, range, sizeBytes: info.sizeBytes };
  headers['Content-Range'] = `bytes ${range.first}-${range.last}/${info.sizeBytes}`;
  return { status: 206, headers, range, sizeBytes: rangeSizeBytes(range) };
}

function rangeOf(request: S3Request, info: ObjectInfo): ByteRange | null {
  const header = request.headers.get('range');
  const choice = chooseRange(header, info.sizeBytes);
  switch (choice.kind) {
    case 'whole':
      return null;
    case 'part':
      return choice.range;
    case 'unsatisfiable':
      throw new S3Error('InvalidRange', undefined, {
        RangeRequested: header ?? '',
        ActualObjectSize: String(info.sizeBytes),
      });
  }
}

interface ChosenPart {
  readonly range: ByteRange | null;
  /** Number of parts; null for an object that has none. */
  readonly count: number | null;
  readonly checksums: Checksums;
}

/** partNumber=N: the bytes that were uploaded as the Nth of the object's parts; an object without parts is its own first. */
function choosePart(request: S3Request, info: ObjectInfo): ChosenPart | null {
  const text = request.query.get('partNumber');
  if (text === undefined) return null;
  if (request.headers.has('range')) {
    throw new S3Error('InvalidRequest', 'Cannot specify both Range header and partNumber query parameter');
  }
  const wanted = parsePartNumber(text);
  const count = Math.max(1, info.parts.length);
  if (wanted > count) {
    throw new S3Error('InvalidPartNumber', undefined, { ActualPartCount: String(count), PartNumberRequested: text });
  }
  const part = info.parts[wanted - 1];
  if (part === undefined) return { range: rangeFrom(0, info.sizeBytes), count: null, checksums: info.checksums };
  const first = info.parts.slice(0, wanted - 1).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { range: rangeFrom(first, part.sizeBytes), count, checksums: part.checksums };
}

/** An empty range cannot be written as Content-Range; it is then the whole (empty) object. */
function rangeFrom(first: number, sizeBytes: number): ByteRange | null {
  return sizeBytes === 0 ? null : { first, last: first + sizeBytes - 1 };
}

/** Of what is sent: of the whole object, of one part, or none for a range, as nobody could check it. */
function describeChecksums(info: ObjectInfo, range: ByteRange | null, part: Checksums | null): Record<string, string> {
  if (part !== null) return checksumHeaders(part, info.checksumType);
  return range === null ? checksumHeaders(info.checksums, info.checksumType) : {};
}
