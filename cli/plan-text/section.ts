// What the parts of the printed plan share.

export interface TextOptions {
  /** Every drive and every loss instead of summaries. */
  readonly all: boolean;
}

/** A heading in the left margin, with its lines beside it. */
export function section(heading: string, lines: readonly string[]): string[] {
  return lines.map((line, index) => `${(index === 0 ? heading : '').padEnd(10)}${line}`.trimEnd());
}
