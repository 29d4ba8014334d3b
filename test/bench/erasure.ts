// How fast erasure coding is on one core, in GB (10^9 bytes) of data per second, against the published package.
// Run: npm run bench erasure, or node test/bench/erasure.ts
import { createErasure } from '../../node/erasure/erasure.ts';
import { loadReferenceErasure } from '../support/reference-erasure.ts';

const SCHEMES = [
  [4, 2],
  [2, 2],
  [8, 4],
  [12, 3],
] as const;
const BLOCK_BYTES = [4 * 1024, 256 * 1024];
const ROUND_MS = 400;

export function benchErasure(print: (line: string) => void): void {
  print(row('GB/s of data', 'package', 'plain', 'relaxed', 'fresh memory', 'rebuild m data shards'));
  for (const [k, m] of SCHEMES) {
    for (const blockBytes of BLOCK_BYTES) {
      const speeds = measureScheme(k, m, blockBytes).map((speed) => speed.toFixed(2));
      print(row(`${k}+${m}, ${blockBytes / 1024} KiB blocks`, ...speeds));
    }
  }
}

function measureScheme(k: number, m: number, blockBytes: number): number[] {
  const reference = loadReferenceErasure();
  const joined = new Uint8Array((k + m) * blockBytes).fill(1);
  const data = Array.from({ length: k }, (_, index) => Buffer.alloc(blockBytes, index + 1));
  const parity = Array.from({ length: m }, () => Buffer.alloc(blockBytes));
  const relaxed = createErasure(k, m, 'relaxed');
  const plain = createErasure(k, m, 'plain');
  const lost = Array.from({ length: Math.min(k, m) }, (_, position) => position);
  const damaged = [...data, ...relaxed.encode(data)].map((shard, position) => (lost.includes(position) ? null : shard));
  const programs = [
    () => reference.encodeInPlace(joined, k, m),
    () => plain.encode(data, parity),
    () => relaxed.encode(data, parity),
    () => relaxed.encode(data),
    () => relaxed.reconstruct(damaged, lost),
  ];
  return programs.map((program) => (k * blockBytes * callsPerSecond(program)) / 1e9);
}

/** The best of three rounds: other work on the machine only ever makes a round slower. */
function callsPerSecond(program: () => unknown): number {
  let best = 0;
  for (let round = 0; round < 3; round++) {
    const startMs = performance.now();
    let calls = 0;
    let elapsedMs = 0;
    while (elapsedMs < ROUND_MS) {
      program();
      calls++;
      elapsedMs = performance.now() - startMs;
    }
    best = Math.max(best, (calls / elapsedMs) * 1000);
  }
  return best;
}

const row = (...cells: string[]) => cells.map((cell, i) => (i === 0 ? cell.padEnd(24) : cell.padStart(15))).join(' ');

if (import.meta.main) benchErasure(console.log);
