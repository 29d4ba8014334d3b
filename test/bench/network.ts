// How fast the peer network is over loopback: requests and answers through Rpc, and large frames. Two processes, so that each
// side has a core, as nodes have. Run: node test/bench/network.ts
import { fork } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { method, Rpc } from '../../node/cluster/rpc.ts';
import { bytes, format, u32 } from '../../node/format/codec.ts';
import { systemClock } from '../../node/io/clock.ts';
import type { Log } from '../../node/io/log.ts';
import { createPeerNetwork, type PeerNetwork } from '../../node/io/network-real.ts';
import { systemRandom } from '../../node/io/random.ts';

const ROUND_MS = 2_000;
const SMALL_IN_FLIGHT = 32;
const LARGE_IN_FLIGHT = 8;

const write = method(
  1,
  'write',
  format('write', 1, { data: [bytes, ''] }),
  format('written', 1, { length: [u32, ''] }),
);
const read = method(2, 'read', format('read', 1, { length: [u32, ''] }), format('data', 1, { data: [bytes, ''] }));

const quiet: Log = { debug() {}, info() {}, warn: console.warn, error: console.error, with: () => quiet };

async function startNode(
  self: string,
  resolve: (name: string) => string | null,
): Promise<{ network: PeerNetwork; port: number }> {
  const network = createPeerNetwork({
    self: () => self,
    clock: systemClock(),
    random: systemRandom(),
    clusterSecret: 'bench',
    resolve,
    hello: () => new Uint8Array(0),
    log: quiet,
  });
  const server = createServer();
  server.on('upgrade', (request, socket, head) => network.handleUpgrade(request, socket, head));
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return { network, port: (server.address() as AddressInfo).port };
}

async function serve(): Promise<void> {
  const { network, port } = await startNode('server', () => null);
  const rpc = new Rpc(network, systemClock(), systemRandom());
  const data = Buffer.alloc(1024 * 1024, 7);
  rpc.handle(write, async (request) => ({ length: request.data.length }));
  rpc.handle(read, async ({ length }) => ({ data: data.subarray(0, length) }));
  process.on('message', (question) => {
    if (question === 'usage')
      process.send!({ cpuMicroseconds: cpuMicroseconds(), rssBytes: process.memoryUsage.rss() });
  });
  process.on('disconnect', () => process.exit(0));
  process.send!({ port });
}

export async function benchNetwork(print: (line: string) => void): Promise<void> {
  const child = fork(fileURLToPath(import.meta.url), ['serve']);
  const ask = <T>(question: unknown) =>
    new Promise<T>((resolve) => {
      child.once('message', (answer) => resolve(answer as T));
      if (question !== null) child.send(question as string);
    });
  const { port } = await ask<{ port: number }>(null);
  const { network } = await startNode('client', () => `http://127.0.0.1:${port}`);
  const rpc = new Rpc(network, systemClock(), systemRandom());
  const data = Buffer.alloc(1024 * 1024, 7);
  const programs: [string, number, number, () => Promise<unknown>][] = [
    ['write 100 B', 100, SMALL_IN_FLIGHT, () => rpc.call('server', write, { data: data.subarray(0, 100) })],
    ['write 4 KiB', 4096, SMALL_IN_FLIGHT, () => rpc.call('server', write, { data: data.subarray(0, 4096) })],
    ['read 4 KiB', 4096, SMALL_IN_FLIGHT, () => rpc.call('server', read, { length: 4096 })],
    ['write 256 KiB', 262_144, LARGE_IN_FLIGHT, () => rpc.call('server', write, { data: data.subarray(0, 262_144) })],
    ['read 256 KiB', 262_144, LARGE_IN_FLIGHT, () => rpc.call('server', read, { length: 262_144 })],
    ['write 100 B, one by one', 100, 1, () => rpc.call('server', write, { data: data.subarray(0, 100) })],
  ];
  print('                           calls/s       MB/s   caller CPU   server CPU   (µs per call)');
  for (const [name, sizeBytes, inFlight, call] of programs) {
    await round(call, inFlight, ROUND_MS / 4);
    const before = await ask<{ cpuMicroseconds: number }>('usage');
    const ownBefore = cpuMicroseconds();
    const { calls, elapsedMs } = await round(call, inFlight, ROUND_MS);
    const own = (cpuMicroseconds() - ownBefore) / calls;
    const after = await ask<{ cpuMicroseconds: number; rssBytes: number }>('usage');
    const cells = [
      ((calls / elapsedMs) * 1000).toFixed(0).padStart(10),
      ((calls * sizeBytes) / elapsedMs / 1000).toFixed(0).padStart(10),
      own.toFixed(1).padStart(12),
      ((after.cpuMicroseconds - before.cpuMicroseconds) / calls).toFixed(1).padStart(12),
    ];
    print(`${name.padEnd(24)}${cells.join(' ')}   server RSS ${(after.rssBytes / 1e6).toFixed(0)} MB`);
  }
  network.close();
  child.disconnect();
}

async function round(call: () => Promise<unknown>, inFlight: number, durationMs: number) {
  const startMs = performance.now();
  let calls = 0;
  const worker = async () => {
    while (performance.now() - startMs < durationMs) {
      await call();
      calls++;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return { calls, elapsedMs: performance.now() - startMs };
}

function cpuMicroseconds(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

if (import.meta.main) {
  if (process.argv[2] === 'serve') await serve();
  else {
    await benchNetwork(console.log);
    process.exit(0);
  }
}
