// Plain text tables: columns padded to their widest cell, two spaces between them.

export interface Column {
  readonly title: string;
  /** Numbers are easier to compare when their ends meet. Default left. */
  readonly align?: 'left' | 'right';
}

/** Lines, the titles first. Every row has as many cells as there are columns. */
export function tableLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const all = [columns.map((column) => column.title), ...rows];
  const widths = columns.map((_, index) => Math.max(...all.map((row) => row[index]!.length)));
  return all.map((row) =>
    row
      .map((cell, index) =>
        columns[index]!.align === 'right' ? cell.padStart(widths[index]!) : cell.padEnd(widths[index]!),
      )
      .join('  ')
      .trimEnd(),
  );
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'] as const;

/** "1.5 GiB"; whole numbers from 10 up, because more digits say no more. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 || value >= 10 ? value.toFixed(0) : value.toFixed(1)} ${UNITS[unit]}`;
}
