// The Range header as S3 reads it (RFC 9110 section 14.2): one range of bytes. Several ranges, other units and anything
// malformed are answered with the whole object, as AWS does.
import type { ByteRange } from '../cluster/object-store.ts';

export type RangeChoice = { readonly kind: 'whole' | 'unsatisfiable' } | { readonly kind: 'part'; range: ByteRange };

const WHOLE: RangeChoice = { kind: 'whole' };
const UNSATISFIABLE: RangeChoice = { kind: 'unsatisfiable' };

export function chooseRange(header: string | null, sizeBytes: number): RangeChoice {
  if (header === null) return WHOLE;
  const match = /^bytes=([0-9]{0,16})-([0-9]{0,16})$/.exec(header.trim());
  if (match === null) return WHOLE;
  const [, first, last] = match as unknown as [string, string, string];
  if (first === '') return last === '' ? WHOLE : chooseSuffix(Number(last), sizeBytes);
  const range = { first: Number(first), last: last === '' ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1) };
  if (last !== '' && Number(last) < range.first) return WHOLE;
  return range.first >= sizeBytes ? UNSATISFIABLE : { kind: 'part', range };
}

function chooseSuffix(lengthBytes: number, sizeBytes: number): RangeChoice {
  if (lengthBytes === 0 || sizeBytes === 0) return UNSATISFIABLE;
  return { kind: 'part', range: { first: Math.max(0, sizeBytes - lengthBytes), last: sizeBytes - 1 } };
}

export function rangeSizeBytes(range: ByteRange): number {
  return range.last - range.first + 1;
}
