// Numbers as a person reads them in printed plans and states.

/** Decimal units, as drives are sold, and three digits: 32 TB, 20.3 TB, 1.58 TB. */
export function decimalBytes(bytes: number): string {
  return scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB']);
}

/** Binary units, as objects and memory are cut: 4 KiB, 1.5 MiB. */
export function binaryBytes(bytes: number): string {
  return scaled(bytes, 1024, ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB', 'EiB']);
}

/** "66.7 %" */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** "1 zone", "4 zones" */
export function counted(number: number, noun: string): string {
  return `${number.toLocaleString('en-US')} ${noun}${number === 1 ? '' : 's'}`;
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let amount = value;
  let unit = 0;
  while (amount >= base && unit < units.length - 1) {
    amount /= base;
    unit++;
  }
  const digits = amount >= 100 ? 0 : amount >= 10 ? 1 : 2;
  return `${Number(amount.toFixed(digits))} ${units[unit]}`;
}
