// The tables of fields in docs/, made from the field lists that also drive encoding and decoding.
import type { Fields } from '../../node/format/codec.ts';

/** A Markdown table: field, type, reason. */
export function fieldTable(fields: Fields): string {
  const rows = Object.entries(fields).map(([name, [codec, reason]]) => `| ${name} | ${codec.type} | ${reason} |`);
  return ['| field | type | why |', '|---|---|---|', ...rows].join('\n');
}
