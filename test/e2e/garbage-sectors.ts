// Whole sectors of garbage, as a disk that has lost its own bookkeeping gives them.
import { randomBytes, randomInt } from 'node:crypto';
import { closeSync, fstatSync, openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const SECTOR_BYTES = 512;
/** Half of them this long, as disks of today have it. */
const LONG_SECTOR_BYTES = 4_096;

/** In every file of the directory, so many of its long sectors are hit. Says how many. */
export function spoilSectors(directory: string, share: number): number {
  let spoilt = 0;
  for (const name of readdirSync(directory)) {
    const descriptor = openSync(join(directory, name), 'r+');
    try {
      const sizeBytes = fstatSync(descriptor).size;
      for (let start = 0; start + LONG_SECTOR_BYTES <= sizeBytes; start += LONG_SECTOR_BYTES) {
        if (randomInt(1_000) >= share * 1_000) continue;
        const sector = randomBytes(randomInt(2) === 0 ? SECTOR_BYTES : LONG_SECTOR_BYTES);
        writeSync(descriptor, sector, 0, sector.length, start);
        spoilt++;
      }
    } finally {
      closeSync(descriptor);
    }
  }
  return spoilt;
}
