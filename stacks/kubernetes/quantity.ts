// Quantities as the API server writes them itself (resource.Quantity, canonical form): written otherwise, an object would differ from
// what was asked for, and every apply would find another.

const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi'] as const;
const DECIMAL = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** 4 TB are "4T", 64 GiB "64Gi". */
export function bytesQuantity(bytes: number): string {
  const binary = withSuffix(bytes, 1024, BINARY);
  const decimal = withSuffix(bytes, 1000, DECIMAL);
  return decimal.length < binary.length ? decimal : binary;
}

/** 4 is "4", 0.25 is "250m". */
export function cpuQuantity(cpus: number): string {
  const thousandths = Math.round(cpus * 1000);
  return thousandths % 1000 === 0 ? String(thousandths / 1000) : `${thousandths}m`;
}

/** Of a quantity that somebody else wrote; null when it is none. */
export function quantityValue(text: string): number | null {
  const match = /^([0-9]+(?:\.[0-9]+)?)(?:(m|[KMGTPE]i|[kMGTPE])|e([0-9]{1,2}))?$/.exec(text);
  if (match === null) return null;
  const [, digits, suffix, exponent] = match;
  if (exponent !== undefined) return Number(digits) * 10 ** Number(exponent);
  if (suffix === undefined) return Number(digits);
  if (suffix === 'm') return Number(digits) / 1000;
  return Number(digits) * (suffix.endsWith('i') ? 1024 : 1000) ** POWERS[suffix[0]!]!;
}

const POWERS: Readonly<Record<string, number>> = { k: 1, K: 1, M: 2, G: 3, T: 4, P: 5, E: 6 };

function withSuffix(value: number, base: number, suffixes: readonly string[]): string {
  let power = 0;
  let rest = value;
  while (rest !== 0 && rest % base === 0 && power < suffixes.length - 1) {
    rest /= base;
    power++;
  }
  return `${rest}${suffixes[power]}`;
}
