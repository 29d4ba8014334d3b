// Which pieces of data are read together: those that lie close to each other in one file.
import type { Pointer } from './entry.ts';

/** So much between two pieces is rather read than skipped. */
const GAP_BYTES_MAX = 16 * 2 ** 10;
const GROUP_BYTES_MAX = 2 ** 20;

/** Groups sorted by file and offset. */
export function groupByPlace<T extends { readonly pointer: Pointer }>(items: readonly T[]): T[][] {
  const sorted = [...items].sort((a, b) => a.pointer.file - b.pointer.file || a.pointer.offset - b.pointer.offset);
  const groups: T[][] = [];
  let start = 0;
  let end = 0;
  for (const item of sorted) {
    const { file, offset, lengthBytes } = item.pointer;
    const group = groups.at(-1);
    const isClose =
      group !== undefined &&
      group[0]!.pointer.file === file &&
      offset - end <= GAP_BYTES_MAX &&
      offset + lengthBytes - start <= GROUP_BYTES_MAX;
    if (isClose) {
      group.push(item);
    } else {
      groups.push([item]);
      start = offset;
    }
    end = offset + lengthBytes;
  }
  return groups;
}
