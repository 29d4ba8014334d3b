// Bodies that say what they are: every byte follows from the label, so that whoever reads one can tell right from wrong alone.
// A label ends with its size, "c1-17-4096"; one that was uploaded in parts has an "m" there, "c1-18-m6000000".
import { createCipheriv, createHash } from 'node:crypto';

/** S3's lower limit for all parts but the last. */
export const PART_BYTES = 5 * 1024 * 1024;

/** Long enough for any label. */
const SIZE_BYTES_MIN = 64;

export function makeLabel(client: string, number: number, sizeBytes: number, inParts: boolean): string {
  return `${client}-${number}-${inParts ? 'm' : ''}${Math.max(sizeBytes, SIZE_BYTES_MIN)}`;
}

/** The label, a line feed, then bytes drawn from the label. */
export function bodyOf(label: string): Buffer {
  const key = createHash('sha256').update(label).digest().subarray(0, 16);
  const body = createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(sizeOf(label)));
  body.write(`${label}\n`);
  return body;
}

/** The label of a body that is whole and right; throws a sentence about what is wrong with it. */
export function labelOf(body: Buffer): string {
  const label = body.subarray(0, SIZE_BYTES_MIN).toString('latin1').split('\n')[0]!;
  if (!/^[a-z0-9]+-\d+-m?\d+$/.test(label)) throw new Error(`a body of ${body.length} bytes has no label`);
  const right = bodyOf(label);
  if (right.equals(body)) return label;
  if (right.length !== body.length) throw new Error(`the body of ${label} has ${body.length} bytes`);
  throw new Error(`the body of ${label} is wrong at byte ${right.findIndex((byte, index) => byte !== body[index])}`);
}

export function isInParts(label: string): boolean {
  return label.includes('-m');
}

export function partsOf(body: Buffer): Buffer[] {
  return Array.from({ length: Math.ceil(body.length / PART_BYTES) }, (_, index) =>
    body.subarray(index * PART_BYTES, (index + 1) * PART_BYTES),
  );
}

/** As S3 makes it, without quotation marks. */
export function etagOf(label: string, body: Buffer): string {
  if (!isInParts(label)) return createHash('md5').update(body).digest('hex');
  const parts = partsOf(body);
  const digests = parts.map((part) => createHash('md5').update(part).digest());
  return `${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}`;
}

function sizeOf(label: string): number {
  return Number(label.slice(label.lastIndexOf('-') + 1).replace('m', ''));
}
