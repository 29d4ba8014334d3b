// A drive that starts to fail under a running node: what people are told, and what goes on without it.
import { expect, test } from 'vitest';
import { UNCONDITIONAL } from './checkers/object-model.ts';
import { SimCluster } from './cluster.ts';
import { BUCKET, NodeProgram } from './node-program.ts';

const SHAPE = { zones: { a: 1, b: 1, c: 1, d: 1 }, drivesPerNode: 2, scheme: '4+2', driveBytes: 2 ** 30 };

test.each(['write', 'sync'] as const)(
  'the first %s error takes the drive out: status names it and the error, and everything goes on with the others',
  async (operation) => {
    const cluster = new SimCluster(`dying ${operation}`, SHAPE, (surroundings) => new NodeProgram(surroundings));
    const { scheduler } = cluster;
    await cluster.startAll(60_000);
    const { target, objects } = cluster.machine('a1').program!;
    const run = <T>(what: string, work: Promise<T>) => scheduler.runToEnd(what, work, 60_000);
    await run('a bucket', cluster.machine('a1').program!.store.createBucket(BUCKET));
    await run('a first object', target.put('key', 'before', UNCONDITIONAL));

    const dying = cluster.machine('b1').drives[1]!;
    dying.failNext(operation, 'io');
    const written = Array.from({ length: 20 }, (_, at) => `during-${at}`);
    for (const key of written) await run(key, target.put(key, key, UNCONDITIONAL));

    const isNamed = async () => {
      const { health, reasons, nodes } = await objects.status();
      const drive = nodes.flatMap(({ drives }) => drives).find(({ slot }) => slot === 'b1/d2')!;
      return { health, isReason: reasons.includes('drive b1/d2 is not usable'), ...drive };
    };
    await scheduler.runFor(5_000);
    const said = await run('status', isNamed());
    expect(said).toMatchObject({ health: 'degraded', isReason: true, state: 'unusable' });
    expect(said.reason).toContain(`injected: ${operation} of b1/d2`);
    expect(cluster.machine('b1').program!.ready()).toBe(true);
    for (const key of ['key', ...written]) expect(await run(key, target.get(key))).not.toBeNull();

    // A new start reads everything back; after that the drive may be trusted again.
    cluster.machine('b1').kill();
    cluster.machine('b1').start();
    await cluster.untilAllReady(60_000);
    const isHealthy = async () => (await objects.status()).health === 'healthy';
    for (let at = 0; at < 60 && !(await run('status', isHealthy())); at++) await scheduler.runFor(1_000);
    expect(await run('status', isHealthy())).toBe(true);
  },
);
