// A sector of a drive turns to garbage, anywhere, at rest or while the drive is in use: whatever is asked of the drive then is answered
// rightly or not at all, and the process lives. test/e2e/suites/bitrot.ts does it hundreds of times.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const PROGRAM = new URL('../support/rotten-drive.ts', import.meta.url).pathname;
const ROUNDS = 16;

describe('a drive of which a sector is garbage', () => {
  let place: string;
  beforeEach(async () => {
    place = await mkdtemp(join(tmpdir(), 'ashlar-rot-'));
  });
  afterEach(() => rm(place, { recursive: true, force: true }));

  it('answers rightly or refuses, and never ends the process', async () => {
    const child = spawn(process.execPath, [PROGRAM, place, '1', String(ROUNDS)], { stdio: ['ignore', 'pipe', 'pipe'] });
    let printed = '';
    let errors = '';
    child.stdout.on('data', (piece) => {
      printed += piece;
    });
    child.stderr.on('data', (piece) => {
      errors += piece;
    });
    await once(child, 'close');
    expect({ code: child.exitCode, signal: child.signalCode, errors }).toEqual({ code: 0, signal: null, errors: '' });
    const outcomes = printed.trim().split('\n');
    expect(outcomes).toHaveLength(ROUNDS);
    // Damage was met, in the index and elsewhere, and not only refused before anything was read.
    expect(outcomes.filter((line) => /index\/tree.*drive failing/.test(line)).length).toBeGreaterThan(2);
    expect(outcomes.filter((line) => /(log|shards)\/.*refused/.test(line)).length).toBeGreaterThan(2);
  });
});
