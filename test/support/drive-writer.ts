// A process that writes to a drive until it is killed, and says on its standard output what was acknowledged: run with
//   node test/support/drive-writer.ts DIRECTORY FIRST
// Commits are numbered from FIRST; each number is one value under its own key and the newest under "last".
import { join } from 'node:path';
import { systemClock } from '../../node/io/clock.ts';
import { openRealDisk } from '../../node/io/disk-real.ts';
import { systemRandom } from '../../node/io/random.ts';
import { fileLock } from '../../node/storage/drive-lock.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import { INDEX_DIRECTORY } from '../../node/storage/names.ts';
import { openDrive } from '../../node/storage/open.ts';
import { contentOf, shardOf } from './drive-writer-data.ts';

const IN_FLIGHT = 16;

const directory = process.argv[2]!;
let next = Number(process.argv[3]);
const opened = await openDrive({
  disk: await openRealDisk(directory),
  index: diskIndex(join(directory, INDEX_DIRECTORY)),
  lock: fileLock(directory),
  clock: systemClock(),
  random: systemRandom(),
  tuning: { memtableBytes: 60_000, recordFileBytes: 200_000, checkpointIntervalMs: 20, indexTransactionEntries: 50 },
});
if (opened.kind !== 'formatted') throw new Error(JSON.stringify(opened));
const { store } = opened;

async function write(): Promise<never> {
  for (;;) {
    const number = next++;
    const value = contentOf(number);
    if (number % 50 === 0) await store.putShard(shardOf(number), Buffer.alloc(0), Buffer.alloc(100_000, number & 0xff));
    await store.commit([
      { kind: 'put', key: `k${number}`, value },
      { kind: 'delete', key: `k${number - 300}` },
    ]);
    process.stdout.write(`${number}\n`);
  }
}
await Promise.all(Array.from({ length: IN_FLIGHT }, write));
