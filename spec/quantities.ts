// Quantities as people write them in a spec: capacities, erasure schemes and network addresses.

const UNIT_BYTES: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  PB: 1e15,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
  PiB: 2 ** 50,
};

export const CAPACITY_PATTERN = /^([0-9]+(?:\.[0-9]+)?) ?(B|kB|KB|MB|GB|TB|PB|KiB|MiB|GiB|TiB|PiB)$/;
export const SCHEME_PATTERN = /^([0-9]{1,3})\+([0-9]{1,3})$/;
/** HOST or HOST:PORT; HOST is a name, an IPv4 address, or an IPv6 address in brackets. */
export const ADDRESS_PATTERN =
  /^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)(?::([0-9]{1,5}))?$/;

/** "4TB" → 4e12, "3.5 TiB" → 3.5 · 2^40. The text matches CAPACITY_PATTERN. */
export function capacityBytes(text: string): number {
  const [, amount, unit] = CAPACITY_PATTERN.exec(text)!;
  return Math.floor(Number(amount) * UNIT_BYTES[unit!]!);
}

/** A text for exactly so many bytes: with a unit where that is short, else in bytes. */
export function capacityText(bytes: number): string {
  for (const unit of ['PB', 'PiB', 'TB', 'TiB', 'GB', 'GiB', 'MB', 'MiB', 'kB', 'KiB']) {
    const amount = bytes / UNIT_BYTES[unit]!;
    if (amount >= 1 && amount < 10_000 && Math.floor(Number(amount.toFixed(3)) * UNIT_BYTES[unit]!) === bytes) {
      return `${Number(amount.toFixed(3))}${unit}`;
    }
  }
  return `${bytes}B`;
}

/** The text matches ADDRESS_PATTERN. Port 0 and ports above 65,535 come back as they are: the caller complains. */
export function splitAddress(text: string): { host: string; port: number | null } {
  const [, host, port] = ADDRESS_PATTERN.exec(text)!;
  return { host: host!, port: port === undefined ? null : Number(port) };
}
