import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../node/io/clock.ts';
import { Scheduler, StuckError } from './scheduler.ts';
import { SimClock } from './sim-clock.ts';
import { SimHost } from './sim-host.ts';
import { SimRandom } from './sim-random.ts';

describe('the scheduler', () => {
  it('runs events in order of time, and of scheduling at the same time', async () => {
    const scheduler = new Scheduler();
    const seen: string[] = [];
    for (const [delayMs, name] of [
      [5, 'c'],
      [1, 'a'],
      [5, 'd'],
      [3, 'b'],
    ] as const) {
      scheduler.after(delayMs, name, () => seen.push(`${name}@${scheduler.nowMs}`));
    }
    await scheduler.runUntilIdle();
    expect(seen).toEqual(['a@1', 'b@3', 'c@5', 'd@5']);
  });

  it('pops a thousand random times in ascending order', async () => {
    const scheduler = new Scheduler();
    const random = new SimRandom(3);
    const seen: number[] = [];
    for (let i = 0; i < 1_000; i++) scheduler.after(random.below(300), 'event', () => seen.push(scheduler.nowMs));
    await scheduler.runUntilIdle();
    expect(seen).toHaveLength(1_000);
    expect(seen).toEqual([...seen].sort((a, b) => a - b));
  });

  it('lets every promise reaction run out before the next event', async () => {
    const scheduler = new Scheduler();
    const seen: string[] = [];
    scheduler.after(1, 'first', () => {
      void (async () => {
        for (let i = 0; i < 50; i++) await Promise.resolve();
        seen.push('reactions of the first');
      })();
    });
    scheduler.after(1, 'second', () => seen.push('second'));
    await scheduler.runUntilIdle();
    expect(seen).toEqual(['reactions of the first', 'second']);
  });

  it('lets reactions run out before the first event even when it is started from a macrotask', async () => {
    const seen: string[] = [];
    await new Promise<void>((resolve, reject) => {
      setImmediate(() => {
        const scheduler = new Scheduler();
        void (async () => {
          for (let i = 0; i < 50; i++) await Promise.resolve();
          seen.push('reactions');
        })();
        scheduler.after(0, 'event', () => seen.push('event'));
        scheduler.runUntilIdle().then(resolve, reject);
      });
    });
    expect(seen).toEqual(['reactions', 'event']);
  });

  it('does not run what was cancelled', async () => {
    const scheduler = new Scheduler();
    let ran = false;
    scheduler.after(2, 'event', () => (ran = true)).cancel();
    await scheduler.runUntilIdle();
    expect(ran).toBe(false);
  });

  it('stops at a condition, at a time, and at a failure', async () => {
    const scheduler = new Scheduler();
    let count = 0;
    const tick = () => {
      count++;
      if (count === 9) scheduler.fail(new Error('broken promise'));
      scheduler.after(1, 'tick', tick);
    };
    tick();
    await scheduler.runUntil('three ticks', () => count === 3);
    expect(scheduler.nowMs).toBe(2);
    await scheduler.runFor(2.5);
    expect([scheduler.nowMs, count]).toEqual([4.5, 5]);
    await expect(scheduler.runUntil('never', () => false)).rejects.toThrow('broken promise');
  });

  it('says what has not happened when nothing is left to happen, or in time', async () => {
    const scheduler = new Scheduler();
    await expect(scheduler.runToEnd('the answer', new Promise(() => {}))).rejects.toThrow(
      'nothing is left to happen, but the answer has not',
    );
    await expect(scheduler.runToEnd('the sleep', scheduler.sleep(10), 5)).rejects.toThrow(
      'the sleep has not happened within 5 virtual ms',
    );
  });

  it('finds code that waits for real IO, and names it', async () => {
    const scheduler = new Scheduler();
    const real = readFile(import.meta.filename);
    await expect(scheduler.runToEnd('the file', real)).rejects.toThrow(/real resources are open.*FSReq/);
    await real;
  });

  it('finds code that reaches for the real clock, timers or randomness, even when it swallows the error', async () => {
    for (const touch of [
      () => Date.now(),
      () => performance.now(),
      () => Math.random(),
      () => setTimeout(() => {}, 0),
    ]) {
      const scheduler = new Scheduler();
      scheduler.after(1, 'event', () => {
        try {
          touch();
        } catch {}
      });
      await expect(scheduler.runUntilIdle()).rejects.toThrow('was called in a simulated world');
    }
    expect(Date.now()).toBeGreaterThan(0);
    expect(performance.now()).toBeGreaterThan(0);
  });

  it('finds a world in which time stands still', async () => {
    const scheduler = new Scheduler();
    const spin = () => scheduler.after(0, 'spin', spin);
    spin();
    await expect(scheduler.runUntilIdle()).rejects.toThrow(StuckError);
  });
});

describe('a simulated process', () => {
  it('sees time through its own drift and skew', async () => {
    const scheduler = new Scheduler();
    const clock = new SimClock(new SimHost('a1', scheduler), { skewMs: 60_000, drift: 0.5 });
    const exact = new SimClock(new SimHost('b1', scheduler));
    await scheduler.runFor(1_000);
    expect(clock.monotonicMs()).toBe(1_500);
    expect(clock.wallMs() - exact.wallMs()).toBe(60_500);
    let firedAtMs = 0;
    clock.setTimer(300, () => (firedAtMs = scheduler.nowMs));
    await scheduler.runUntilIdle();
    expect(firedAtMs).toBe(1_200);
  });

  it('gets nothing while it is paused, and everything in order afterwards', async () => {
    const scheduler = new Scheduler();
    const host = new SimHost('a1', scheduler);
    const seen: string[] = [];
    for (const delayMs of [5, 10, 7]) host.after(delayMs, 'event', () => seen.push(`${delayMs}@${scheduler.nowMs}`));
    scheduler.after(4, 'pause', () => host.pause(100));
    await scheduler.runUntilIdle();
    expect(seen).toEqual(['5@104', '7@104', '10@104']);
  });

  it('keeps a timer cancelled that was cancelled while it waited for the end of a pause', async () => {
    const scheduler = new Scheduler();
    const host = new SimHost('a1', scheduler);
    let fired = false;
    const timer = new SimClock(host).setTimer(1, () => (fired = true));
    host.pause(50);
    await scheduler.runFor(10);
    timer.cancel();
    await scheduler.runUntilIdle();
    expect(fired).toBe(false);
  });

  it('never goes on after it was killed', async () => {
    const scheduler = new Scheduler();
    const host = new SimHost('a1', scheduler);
    let woke = false;
    void sleep(new SimClock(host), 10).then(() => (woke = true));
    scheduler.after(5, 'kill', () => host.kill());
    await scheduler.runUntilIdle();
    expect(woke).toBe(false);
  });
});

describe('simulated randomness', () => {
  it('repeats for the same seed and differs for another', () => {
    const draw = (seed: number) => new SimRandom(seed).bytes(33).toString('hex');
    expect(draw(1)).toBe(draw(1));
    expect(draw(1)).not.toBe(draw(2));
  });

  it('gives the same split stream however much was drawn before', () => {
    const fresh = new SimRandom(1);
    const used = new SimRandom(1);
    used.bytes(100);
    expect(used.split('a').uint32()).toBe(fresh.split('a').uint32());
    expect(fresh.split('a').uint32()).not.toBe(fresh.split('b').uint32());
  });

  it('spreads evenly over every bit and every bucket, for neighbouring seeds too', () => {
    const buckets = new Array<number>(16).fill(0);
    for (let seed = 0; seed < 1_000; seed++) {
      const random = new SimRandom(seed);
      for (let i = 0; i < 16; i++) {
        const bucket = random.below(16);
        buckets[bucket] = buckets[bucket]! + 1;
      }
    }
    // 16,000 draws over 16 buckets: 1,000 each, with a standard deviation of 31.
    for (const count of buckets) expect(Math.abs(count - 1_000)).toBeLessThan(160);
  });
});
