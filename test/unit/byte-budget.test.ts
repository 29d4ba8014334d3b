// Buffers are bounded and fair, and a body that has begun never stops for want of memory.
import { describe, expect, it } from 'vitest';
import { ByteBudget, StripeWindow } from '../../node/cluster/byte-budget.ts';
import { Scheduler } from '../simulation/scheduler.ts';
import { SimClock } from '../simulation/sim-clock.ts';
import { SimHost } from '../simulation/sim-host.ts';

function budgetOf(totalBytes: number) {
  const scheduler = new Scheduler();
  const budget = new ByteBudget(totalBytes, new SimClock(new SimHost('a1', scheduler)));
  return { scheduler, budget, run: <T>(work: Promise<T>) => scheduler.runToEnd('the work', work, 100_000) };
}

describe('a byte budget', () => {
  it('is never exceeded, and remembers its peak', async () => {
    const { budget, run } = budgetOf(100);
    const shares = [await run(budget.take(60, 10)), await run(budget.take(40, 10))];
    expect(budget.tryTake(1)).toBeNull();
    expect(budget.usedBytes).toBe(100);
    for (const share of shares) share.release();
    shares[0]!.release();
    expect([budget.usedBytes, budget.peakBytes]).toEqual([0, 100]);
  });

  it('serves in the order of asking, and lets nobody overtake', async () => {
    const { scheduler, budget, run } = budgetOf(100);
    const first = await run(budget.take(90, 10));
    const order: string[] = [];
    const large = budget.take(80, 1_000).then(() => order.push('large'));
    const small = budget.take(10, 1_000).then(() => order.push('small'));
    await scheduler.runFor(1);
    expect(budget.tryTake(1)).toBeNull();
    expect(order).toEqual([]);
    first.release();
    await run(Promise.all([large, small]));
    expect(order).toEqual(['large', 'small']);
  });

  it('refuses with SlowDown who has waited too long, and serves those behind', async () => {
    const { scheduler, budget, run } = budgetOf(100);
    await run(budget.take(50, 10));
    const large = expect(run(Promise.allSettled([budget.take(60, 500), budget.take(50, 1_000)]))).resolves;
    await large.toMatchObject([{ status: 'rejected', reason: { code: 'SlowDown' } }, { status: 'fulfilled' }]);
    expect(scheduler.nowMs).toBe(500);
  });

  it('gives a request that is larger than everything everything', async () => {
    const { budget, run } = budgetOf(100);
    const share = await run(budget.take(1_000, 10));
    expect(budget.usedBytes).toBe(100);
    share.release();
    expect(budget.usedBytes).toBe(0);
  });
});

describe('a stripe window', () => {
  it('always has room for one stripe, and for more only as long as the budget has some left', async () => {
    const { budget, run } = budgetOf(50);
    const window = await run(StripeWindow.open(budget, 20, 3, 10));
    const other = await run(StripeWindow.open(budget, 20, 3, 10));
    expect([window.tryEnter(), window.tryEnter()]).toEqual([true, false]);
    other.close();
    expect([window.tryEnter(), window.tryEnter()]).toEqual([true, false]);
    let entered = false;
    const entering = window.enter().then(() => {
      entered = true;
    });
    window.leave();
    await run(entering);
    expect(entered).toBe(true);
    window.leave();
    window.leave();
    window.close();
    expect(budget.usedBytes).toBe(0);
  });
});
