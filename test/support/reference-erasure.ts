// The published Reed-Solomon package behind a shape like ours: what our bytes are compared with.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import reference from '@subspace/reed-solomon-erasure.wasm';

export interface ReferenceErasure {
  /** m parity blocks. The package does not take empty blocks. */
  encode(data: readonly Uint8Array[], m: number): Uint8Array[];
  /** The k data blocks. */
  reconstruct(shards: readonly (Uint8Array | null)[], k: number, m: number): Uint8Array[];
  /** k+m blocks in one piece of memory, parity filled in place: the package's own interface, for benchmarks. */
  encodeInPlace(shards: Uint8Array, k: number, m: number): void;
}

export function loadReferenceErasure(): ReferenceErasure {
  const script = createRequire(import.meta.url).resolve('@subspace/reed-solomon-erasure.wasm');
  const program = readFileSync(join(dirname(script), 'reed_solomon_erasure_bg.wasm'));
  const instantiate = () => reference.ReedSolomonErasure.fromBytes(program);
  const code = instantiate();
  const encodeInPlace = (shards: Uint8Array, k: number, m: number) => check(code.encode(shards, k, m));
  return {
    encodeInPlace,
    encode(data, m) {
      const lengthBytes = data[0]!.length;
      const shards = new Uint8Array(lengthBytes * (data.length + m));
      data.forEach((block, index) => {
        shards.set(block, index * lengthBytes);
      });
      encodeInPlace(shards, data.length, m);
      return cut(shards, lengthBytes).slice(data.length);
    },
    reconstruct(shards, k, m) {
      const lengthBytes = shards.find((shard) => shard !== null)!.length;
      const joined = new Uint8Array(lengthBytes * (k + m));
      shards.forEach((shard, index) => {
        if (shard !== null) joined.set(shard, index * lengthBytes);
      });
      check(
        // Version 0.2.5 frees its arguments twice in reconstruct, so a second call on one instance may trap.
        instantiate().reconstruct(
          joined,
          k,
          m,
          shards.map((shard) => shard !== null),
        ),
      );
      return cut(joined, lengthBytes).slice(0, k);
    },
  };
}

function cut(joined: Uint8Array, lengthBytes: number): Uint8Array[] {
  return Array.from({ length: joined.length / lengthBytes }, (_, index) =>
    joined.subarray(index * lengthBytes, (index + 1) * lengthBytes),
  );
}

function check(result: number): void {
  if (result !== reference.ReedSolomonErasure.RESULT_OK) throw new Error(`the reference answers with error ${result}`);
}
