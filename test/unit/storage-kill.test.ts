// A real process on a real disk, killed again and again while it writes: what it had acknowledged is there.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { contentOf, shardOf } from '../support/drive-writer-data.ts';
import { type DrivePlace, format, openFormatted, realPlace } from '../support/drives.ts';

const PROGRAM = new URL('../support/drive-writer.ts', import.meta.url).pathname;
const ROUNDS = 6;
const ACKNOWLEDGED_PER_ROUND = 700;

describe('a drive whose process is killed while it writes', () => {
  let place: DrivePlace;
  beforeEach(async () => {
    place = await realPlace();
    await format(place);
  });
  afterEach(() => place.release());

  /** Gives the numbers that were acknowledged before the process was gone. */
  async function writeUntilKilled(directory: string, first: number): Promise<number[]> {
    const child = spawn(process.execPath, [PROGRAM, directory, String(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const acknowledged: number[] = [];
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged.push(Number(line));
      if (acknowledged.length === ACKNOWLEDGED_PER_ROUND) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    return acknowledged;
  }

  it('has everything that was acknowledged, every time', async () => {
    const { disk } = await place.mount();
    let next = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const acknowledged = await writeUntilKilled(disk.name, next);
      expect(acknowledged.length).toBeGreaterThanOrEqual(ACKNOWLEDGED_PER_ROUND);
      const newest = Math.max(...acknowledged);
      const { store } = await openFormatted(place);
      // What is more than 300 behind has been deleted by a later commit; that one may or may not have been acknowledged.
      for (const number of acknowledged.filter((candidate) => candidate > newest - 280)) {
        const value = await store.get(`k${number}`);
        expect(value !== null && contentOf(number).equals(value)).toBe(true);
        if (number % 50 !== 0) continue;
        const data = await store.readShard(shardOf(number), 0, 200_000);
        expect(data !== null && Buffer.alloc(100_000, number & 0xff).equals(data)).toBe(true);
      }
      const known = new Set(acknowledged);
      for (const number of acknowledged.filter((candidate) => known.has(candidate + 300))) {
        expect(await store.get(`k${number}`)).toBeNull();
      }
      for (const { key, value } of await store.range('k', '', 2_000)) {
        expect(contentOf(Number(key.slice(1))).equals(value)).toBe(true);
      }
      await store.close();
      next = newest + 1_000;
    }
  });
});
