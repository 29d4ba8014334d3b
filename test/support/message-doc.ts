// What docs/wire-protocol.md says of the messages between nodes, and one sample of each, both made from the formats themselves.
import { MEMBERSHIP_METHODS } from '../../node/cluster/membership-methods.ts';
import { REGISTER_METHODS } from '../../node/cluster/register-methods.ts';
import type { Method } from '../../node/cluster/rpc.ts';
import { SHARD_METHODS } from '../../node/cluster/shard-methods.ts';
import { type Codec, type Fields, type Format, Reader } from '../../node/format/codec.ts';
import { fieldTable } from './field-table.ts';

/** By id. */
export const METHODS = [REGISTER_METHODS, MEMBERSHIP_METHODS, SHARD_METHODS]
  .flatMap((methods): Method<unknown, unknown>[] => Object.values(methods))
  .sort((a, b) => a.id - b.id);

/** The part of docs/wire-protocol.md that lists every message: Markdown. */
export function messagesDocument(): string {
  const common = commonGroups();
  const groups = [...common].map(([name, fields]) => `### ${name}\n\n${fieldTable(fields)}`);
  const methods = METHODS.map(({ id, name, request, response }) => {
    const sides = [
      ['Request', request],
      ['Answer', response],
    ] as const;
    return [`### ${id} ${name}`, ...sides.map(([side, format]) => describeSide(side, format, common))].join('\n\n');
  });
  return [...groups, ...methods].join('\n\n');
}

function describeSide(side: string, { fields }: Format<unknown>, common: ReadonlyMap<string, Fields>): string {
  if (Object.keys(fields).length === 0) return `${side}: nothing.`;
  const own = [...groupsIn(fields)].filter(([name]) => !common.has(name));
  const tables = own.map(([name, nested]) => `${name}:\n\n${fieldTable(nested)}`);
  return [`${side}:\n\n${fieldTable(fields)}`, ...tables].join('\n\n');
}

/** Groups of fields that more than one message has, and that are the same in all of them. */
function commonGroups(): Map<string, Fields> {
  const found = new Map<string, Fields[]>();
  for (const { request, response } of METHODS) {
    for (const { fields } of [request, response]) {
      for (const [name, nested] of groupsIn(fields)) found.set(name, [...(found.get(name) ?? []), nested]);
    }
  }
  const isCommon = (uses: Fields[]) => uses.length > 1 && new Set(uses.map(fieldTable)).size === 1;
  return new Map([...found].filter(([, uses]) => isCommon(uses)).map(([name, uses]) => [name, uses[0]!]));
}

/** By name, the groups of fields within fields, however deep. */
function groupsIn(fields: Fields): Map<string, Fields> {
  const groups = new Map<string, Fields>();
  for (const [codec] of Object.values(fields)) {
    let inner: Codec<unknown> = codec;
    while (inner.item !== undefined) inner = inner.item;
    if (inner.fields === undefined) continue;
    groups.set(inner.type, inner.fields);
    for (const [name, nested] of groupsIn(inner.fields)) groups.set(name, nested);
  }
  return groups;
}

/** A value of the format in which every list has one item and every optional is there. */
export function sampleOf({ fields }: Pick<Format<unknown>, 'fields'>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(fields).map(([name, [codec]]) => [name, sampleValue(codec)]));
}

function sampleValue(codec: Codec<unknown>): unknown {
  if (codec.fields !== undefined) return sampleOf({ fields: codec.fields });
  if (codec.item !== undefined)
    return codec.type.startsWith('list') ? [sampleValue(codec.item)] : sampleValue(codec.item);
  return codec.read(new Reader(SAMPLE_BYTES));
}

/** Whatever is read from it is in range: as a number 1, as a choice the second word, as bytes or text the one letter "a". */
const SAMPLE_BYTES = Buffer.concat([Buffer.from([1, 0, 0, 0, 0x61]), Buffer.alloc(59)]);
