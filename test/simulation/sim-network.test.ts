import { describe, expect, it } from 'vitest';
import { Scheduler } from './scheduler.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';

function makeWorld(seed = 1) {
  const scheduler = new Scheduler();
  const network = new SimNetwork({ scheduler, random: new SimRandom(seed), describe: (frame) => frame.toString() });
  const seen: string[] = [];
  const start = (name: string) => {
    const host = new SimHost(name, scheduler);
    const port = network.attach(host);
    port.onFrame((from, frame) => seen.push(`${from}>${name} ${frame}`));
    port.onBroken((node) => seen.push(`${name} heard that ${node} broke`));
    return { host, send: (to: string, text: string) => port.send(to, [Buffer.from(text)]), port };
  };
  return { scheduler, network, seen, start };
}

describe('the simulated network', () => {
  it('delivers whole frames, joined from their pieces, also to oneself', async () => {
    const { scheduler, seen, start } = makeWorld();
    const a = start('a');
    start('b');
    a.port.send('b', [Buffer.from('hel'), Buffer.from('lo')]);
    a.send('a', 'me');
    expect(seen).toEqual([]);
    await scheduler.runUntilIdle();
    expect(seen.sort()).toEqual(['a>a me', 'a>b hello']);
  });

  it('counts the bytes that are under way', async () => {
    const { scheduler, start } = makeWorld();
    const a = start('a');
    start('b');
    a.send('b', '12345');
    expect(a.port.queuedBytes('b')).toBe(5);
    await scheduler.runUntilIdle();
    expect(a.port.queuedBytes('b')).toBe(0);
  });

  it('lets frames overtake each other', async () => {
    const { scheduler, seen, start } = makeWorld();
    const a = start('a');
    start('b');
    for (let i = 0; i < 20; i++) a.send('b', `${i}`);
    await scheduler.runUntilIdle();
    const arrived = seen.map((line) => Number(line.split(' ')[1]));
    expect(arrived).not.toEqual([...arrived].sort((x, y) => x - y));
    expect(new Set(arrived).size).toBe(20);
  });

  it('drops and duplicates by chance', async () => {
    const { scheduler, network, seen, start } = makeWorld();
    Object.assign(network.quality, { dropChance: 0.3, duplicateChance: 0.3 });
    const a = start('a');
    start('b');
    for (let i = 0; i < 1_000; i++) a.send('b', `${i}`);
    await scheduler.runUntilIdle();
    // Expected: 700 different frames, 910 arrivals; the limits are five standard deviations away.
    const different = new Set(seen).size;
    expect(Math.abs(different - 700)).toBeLessThan(73);
    expect(Math.abs(seen.length - 910)).toBeLessThan(105);
  });

  it('cuts one direction and leaves the other', async () => {
    const { scheduler, network, seen, start } = makeWorld();
    const a = start('a');
    const b = start('b');
    network.cut('a', 'b');
    a.send('b', 'lost');
    b.send('a', 'kept');
    await scheduler.runUntilIdle();
    expect(seen).toEqual(['b>a kept']);
    network.heal();
    a.send('b', 'again');
    await scheduler.runUntilIdle();
    expect(seen).toEqual(['b>a kept', 'a>b again']);
  });

  it('partitions groups from each other and leaves the rest connected', async () => {
    const { scheduler, network, seen, start } = makeWorld();
    const nodes = ['a', 'b', 'c', 'd'].map((name) => ({ name, ...start(name) }));
    network.partition([['a', 'b'], ['c']]);
    for (const from of nodes) for (const to of nodes) if (from !== to) from.send(to.name, '');
    await scheduler.runUntilIdle();
    expect(seen.map((line) => line.trim()).sort()).toEqual(['a>b', 'a>d', 'b>a', 'b>d', 'c>d', 'd>a', 'd>b', 'd>c']);
  });

  it('loses what was under way when a connection breaks, and tells the ends', async () => {
    const { scheduler, network, seen, start } = makeWorld();
    network.hintChance = 1;
    const a = start('a');
    start('b');
    a.send('b', 'lost');
    network.breakConnection('a', 'b');
    a.send('b', 'kept');
    await scheduler.runUntilIdle();
    expect(seen.sort()).toEqual(['a heard that b broke', 'a>b kept', 'b heard that a broke']);
  });

  it('tells the others when a process dies, and gives its name to the next one', async () => {
    const { scheduler, network, seen, start } = makeWorld();
    network.hintChance = 1;
    const a = start('a');
    const b = start('b');
    b.host.kill();
    await scheduler.runUntilIdle();
    expect(seen).toEqual(['a heard that b broke']);
    a.send('b', 'to nobody');
    await scheduler.runUntilIdle();
    start('b');
    a.send('b', 'to the next');
    b.send('a', 'from the dead');
    await scheduler.runUntilIdle();
    expect(seen).toEqual(['a heard that b broke', 'a>b to the next']);
  });
});
