// Changes on their way to the log: what is decided at the last moment before they are written.
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../node/io/clock.ts';
import type { Batch, CommitLog } from '../../node/storage/commit-log.ts';
import type { PlacedOperation } from '../../node/storage/log-format.ts';
import { SpaceGuard } from '../../node/storage/space.ts';
import { Tables } from '../../node/storage/tables.ts';
import { Writes } from '../../node/storage/writes.ts';
import { SimDisk } from '../simulation/sim-disk.ts';
import { simIndex } from '../simulation/sim-index.ts';
import { SimRandom } from '../simulation/sim-random.ts';

const long = (key: string, fill: string, dataOffset: number): PlacedOperation => ({
  key,
  head: null,
  file: null,
  data: Buffer.alloc(2_000, fill),
  dataOffset,
});

async function newWrites(): Promise<Writes> {
  const disk = new SimDisk({ name: 'd1', random: new SimRandom(1) }).mount();
  return new Writes({
    tables: new Tables(await simIndex(disk)(), 'd1'),
    space: new SpaceGuard(disk, systemClock(), () => 0),
    driveName: 'd1',
    counts: { shardCount: 0, shardBytes: 0 },
    isStarved: () => false,
    afterFrame: () => undefined,
  });
}

/** Takes one batch and keeps it, as a log does that is busy. */
function busyLog(): { log: CommitLog; taken: Batch[] } {
  const taken: Batch[] = [];
  const log = { submit: async (batch: Batch) => void taken.push(batch) } as unknown as CommitLog;
  return { log, taken };
}

describe('a move', () => {
  it('leaves out what was replaced or deleted while it waited for the log', async () => {
    const writes = await newWrites();
    writes.apply([long('va', 'a', 100), long('vb', 'b', 3_000), long('vc', 'c', 6_000)], {
      fileNumber: 1,
      frameOffset: 50,
    });
    const moves = [long('va', 'a', 100), long('vb', 'b', 3_000), long('vc', 'c', 6_000)].map((placed) => {
      const { dataOffset, ...operation } = placed;
      return { operation, file: 1, offset: 50 + dataOffset };
    });
    const { log, taken } = busyLog();
    await writes.move(log, moves);
    writes.apply([long('va', 'x', 100)], { fileNumber: 2, frameOffset: 50 });
    writes.apply([{ ...long('vc', 'c', 0), data: null, dataOffset: -1 }], { fileNumber: 2, frameOffset: 5_000 });
    expect(taken).toHaveLength(1);
    expect(taken[0]!.isAlone).toBe(true);
    expect(taken[0]!.prepare().map(({ key }) => key)).toEqual(['vb']);
  });

  it('leaves out what is at the same offset of another file', async () => {
    const writes = await newWrites();
    writes.apply([long('va', 'a', 100)], { fileNumber: 2, frameOffset: 50 });
    const { dataOffset: _, ...operation } = long('va', 'a', 100);
    expect(writes.isCurrent({ operation, file: 1, offset: 150 })).toBe(false);
    expect(writes.isCurrent({ operation, file: 2, offset: 150 })).toBe(true);
  });
});
