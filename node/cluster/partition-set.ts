// A set of partitions as it travels in messages: a bit for each, the lowest first.

export function partitionSet(partitionCount: number, isIn: (partition: number) => boolean): Uint8Array {
  const bits = new Uint8Array(Math.ceil(partitionCount / 8));
  for (let partition = 0; partition < partitionCount; partition++) {
    if (isIn(partition)) bits[partition >> 3]! |= 1 << (partition & 7);
  }
  return bits;
}

export function hasPartition(bits: Uint8Array, partition: number): boolean {
  return ((bits[partition >> 3] ?? 0) & (1 << (partition & 7))) !== 0;
}
