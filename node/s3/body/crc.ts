// The cyclic redundancy checks that S3 knows and Node does not: CRC-32C (RFC 3720 appendix B.4) and CRC-64/NVME (NVM Express
// Command Set, "64b Guard"), table driven, eight or sixteen bytes a step; and joining the checks of two byte strings into the
// check of both, for all three. All are reflected, start at all ones and end inverted.
import { crc32 } from 'node:zlib';

export { crc32 };

/** previous: what the bytes before gave; 0 for none. Unsigned 32 bits, as zlib's crc32. */
export function crc32c(data: Uint8Array, previous = 0): number {
  const t = CRC32C_TABLES;
  const lastStart = data.length - 16;
  let crc = ~previous;
  let i = 0;
  for (; i <= lastStart; i += 16) {
    crc ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    crc =
      t[3840 + (crc & 0xff)]! ^
      t[3584 + ((crc >>> 8) & 0xff)]! ^
      t[3328 + ((crc >>> 16) & 0xff)]! ^
      t[3072 + (crc >>> 24)]! ^
      t[2816 + data[i + 4]!]! ^
      t[2560 + data[i + 5]!]! ^
      t[2304 + data[i + 6]!]! ^
      t[2048 + data[i + 7]!]! ^
      t[1792 + data[i + 8]!]! ^
      t[1536 + data[i + 9]!]! ^
      t[1280 + data[i + 10]!]! ^
      t[1024 + data[i + 11]!]! ^
      t[768 + data[i + 12]!]! ^
      t[512 + data[i + 13]!]! ^
      t[256 + data[i + 14]!]! ^
      t[data[i + 15]!]!;
  }
  for (; i < data.length; i++) crc = (crc >>> 8) ^ t[(crc ^ data[i]!) & 0xff]!;
  return ~crc >>> 0;
}

/** The two halves of a 64-bit check, each 32 bits signed or not: JavaScript computes with no longer integers at speed. */
export interface Crc64 {
  readonly high: number;
  readonly low: number;
}

export const CRC64_OF_NOTHING: Crc64 = { high: 0, low: 0 };

export function crc64nvme(data: Uint8Array, previous: Crc64 = CRC64_OF_NOTHING): Crc64 {
  const { high: tableHigh, low: tableLow } = CRC64_TABLES;
  const lastStart = data.length - 8;
  let high = ~previous.high;
  let low = ~previous.low;
  let i = 0;
  for (; i <= lastStart; i += 8) {
    low ^= data[i]! | (data[i + 1]! << 8) | (data[i + 2]! << 16) | (data[i + 3]! << 24);
    high ^= data[i + 4]! | (data[i + 5]! << 8) | (data[i + 6]! << 16) | (data[i + 7]! << 24);
    const a = 1792 + (low & 0xff);
    const b = 1536 + ((low >>> 8) & 0xff);
    const c = 1280 + ((low >>> 16) & 0xff);
    const d = 1024 + (low >>> 24);
    const e = 768 + (high & 0xff);
    const f = 512 + ((high >>> 8) & 0xff);
    const g = 256 + ((high >>> 16) & 0xff);
    const h = high >>> 24;
    low =
      tableLow[a]! ^
      tableLow[b]! ^
      tableLow[c]! ^
      tableLow[d]! ^
      tableLow[e]! ^
      tableLow[f]! ^
      tableLow[g]! ^
      tableLow[h]!;
    high =
      tableHigh[a]! ^
      tableHigh[b]! ^
      tableHigh[c]! ^
      tableHigh[d]! ^
      tableHigh[e]! ^
      tableHigh[f]! ^
      tableHigh[g]! ^
      tableHigh[h]!;
  }
  for (; i < data.length; i++) {
    const index = (low ^ data[i]!) & 0xff;
    low = ((low >>> 8) | (high << 24)) ^ tableLow[index]!;
    high = (high >>> 8) ^ tableHigh[index]!;
  }
  return { high: ~high, low: ~low };
}

/** A kind of check as arithmetic sees it: its width and its polynomial, lowest power in the highest bit. */
export interface CrcKind {
  readonly bits: 32 | 64;
  readonly polynomial: bigint;
}

export const CRC_KINDS = {
  crc32: { bits: 32, polynomial: 0xedb88320n },
  crc32c: { bits: 32, polynomial: 0x82f63b78n },
  crc64nvme: { bits: 64, polynomial: 0x9a6c9329ac4bc9b5n },
} as const satisfies Record<string, CrcKind>;

/**
 * Joins checks, given with the lengths of what they are of, first to last. The check of A followed by B is that of A, times x
 * to the power of B's bits, plus that of B, in the field of polynomials (as zlib's crc32_combine has it).
 */
export function combineCrcs(kind: CrcKind, parts: readonly { sizeBytes: number; crc: bigint }[]): bigint {
  // Parts of one upload have few different lengths, and the power is what costs.
  const shifts = new Map<number, bigint>();
  let joined = 0n;
  for (const { sizeBytes, crc } of parts) {
    let shift = shifts.get(sizeBytes);
    if (shift === undefined) {
      shift = powerOfX(kind, BigInt(sizeBytes) * 8n);
      shifts.set(sizeBytes, shift);
    }
    joined = multiply(kind, joined, shift) ^ crc;
  }
  return joined;
}

/** x^exponent modulo the polynomial, by squaring. */
function powerOfX(kind: CrcKind, exponent: bigint): bigint {
  const one = 1n << BigInt(kind.bits - 1);
  let power = one;
  let square = one >> 1n; // x
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) power = multiply(kind, power, square);
    square = multiply(kind, square, square);
  }
  return power;
}

function multiply({ bits, polynomial }: CrcKind, a: bigint, b: bigint): bigint {
  let product = 0n;
  let term = b;
  for (let bit = BigInt(bits - 1); bit >= 0n; bit--) {
    if ((a >> bit) & 1n) product ^= term;
    term = term & 1n ? (term >> 1n) ^ polynomial : term >> 1n;
  }
  return product;
}

/** Table s at 256·s: what a byte does to the check when s more bytes follow it. */
const CRC32C_TABLES = tables32(Number(CRC_KINDS.crc32c.polynomial), 16);
const CRC64_TABLES = tables64(CRC_KINDS.crc64nvme.polynomial, 8);

function tables32(polynomial: number, count: number): Int32Array {
  const tables = new Int32Array(256 * count);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ polynomial : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256]!;
    tables[at] = (before >>> 8) ^ tables[before & 0xff]!;
  }
  return tables;
}

function tables64(polynomial: bigint, count: number): { high: Int32Array; low: Int32Array } {
  const high = new Int32Array(256 * count);
  const low = new Int32Array(256 * count);
  const polynomialHigh = Number(polynomial >> 32n);
  const polynomialLow = Number(polynomial & 0xffffffffn);
  for (let byte = 0; byte < 256; byte++) {
    let crcHigh = 0;
    let crcLow = byte;
    for (let bit = 0; bit < 8; bit++) {
      const out = crcLow & 1;
      crcLow = (crcLow >>> 1) | (crcHigh << 31);
      crcHigh >>>= 1;
      if (out) {
        crcLow ^= polynomialLow;
        crcHigh ^= polynomialHigh;
      }
    }
    high[byte] = crcHigh;
    low[byte] = crcLow;
  }
  for (let at = 256; at < low.length; at++) {
    const index = low[at - 256]! & 0xff;
    low[at] = ((low[at - 256]! >>> 8) | (high[at - 256]! << 24)) ^ low[index]!;
    high[at] = (high[at - 256]! >>> 8) ^ high[index]!;
  }
  return { high, low };
}
