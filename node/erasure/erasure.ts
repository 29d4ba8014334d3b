// Reed-Solomon erasure coding as the rest of the node uses it: k blocks give m parity blocks, and any k of the k+m give back
// the others. Synchronous and deterministic; the bytes are those of @subspace/reed-solomon-erasure.wasm. An Erasure owns its
// WebAssembly memory (some 200 KiB) and touches it only inside a call, so callers never see a view that could go stale.
import { createField, decodingMatrix, encodingMatrix, type Field, type Matrix } from './galois.ts';
import {
  bestSwizzle,
  createKernel,
  elementTables,
  type MultiplyBlocks,
  ROWS_MAX,
  STEP_BYTES,
  type Swizzle,
  TABLE_BYTES,
} from './kernel.ts';

export interface Erasure {
  readonly k: number;
  readonly m: number;
  /** What it has done since it was made. */
  readonly totals: Readonly<ErasureTotals>;
  /**
   * m parity blocks for k data blocks of one length (0 included). Parity is written into `into` when that is given (m blocks
   * of the same length, none of them among the data), else into fresh memory.
   */
  encode(data: readonly Uint8Array[], into?: readonly Uint8Array[]): Uint8Array[];
  /**
   * The shards at the wanted positions (0 … k−1 data, k … k+m−1 parity). shards has k+m entries of one length, null where a
   * shard is missing; at least k must be present. A wanted shard that is present is returned as it is.
   */
  reconstruct(shards: readonly (Uint8Array | null)[], wanted: readonly number[]): Uint8Array[];
}

export interface ErasureTotals {
  /** Of data blocks. */
  encodedBytes: number;
  /** Calls of reconstruct that had something to compute. */
  rebuiltStripes: number;
  /** Of the blocks that were computed. */
  rebuiltBytes: number;
}

export const SHARDS_MAX = 64;

/** Cheap: the kernel is assembled at the first use. Throws RangeError for a scheme out of bounds. swizzle is for tests. */
export function createErasure(k: number, m: number, swizzle?: Swizzle): Erasure {
  if (!Number.isInteger(k) || !Number.isInteger(m) || k < 1 || m < 1 || k + m > SHARDS_MAX) {
    throw new RangeError(
      `${k}+${m} is no erasure scheme: k and m are whole, at least 1, and together at most ${SHARDS_MAX}`,
    );
  }
  return new LazyErasure(k, m, swizzle);
}

/**
 * What one tile of all shards may occupy: input, output and tables stay in the second-level cache between copying and coding.
 * Measured, see docs/decisions/0003.
 */
const TILES_BYTES = 192 * 1024;
/** Between tiles, so that equal offsets in different shards do not fall into one set of the first-level cache. */
const SKEW_BYTES = 64;
const WASM_PAGE_BYTES = 65_536;
/** Distinct loss patterns remembered; one more forgets the oldest. */
const PLANS_MAX = 256;

/** A product of matrix and blocks, ready for the kernel. */
interface Plan {
  /** Positions among the shards whose blocks are the inputs. */
  readonly inputs: readonly number[];
  /** Positions that come out. */
  readonly outputs: readonly number[];
  readonly tables: readonly { readonly rowCount: number; readonly bytes: Uint8Array }[];
}

class LazyErasure implements Erasure {
  readonly k: number;
  readonly m: number;
  readonly totals: ErasureTotals = { encodedBytes: 0, rebuiltStripes: 0, rebuiltBytes: 0 };
  readonly #swizzle: Swizzle | undefined;
  #machine: Machine | null = null;

  constructor(k: number, m: number, swizzle: Swizzle | undefined) {
    this.k = k;
    this.m = m;
    this.#swizzle = swizzle;
  }

  encode(data: readonly Uint8Array[], into?: readonly Uint8Array[]): Uint8Array[] {
    if (data.length !== this.k) throw new RangeError(`${data.length} data blocks where the scheme has ${this.k}`);
    const lengthBytes = commonLength(data);
    const outputs = into === undefined ? freshBlocks(this.m, lengthBytes) : [...into];
    if (outputs.length !== this.m || outputs.some((block) => block.length !== lengthBytes)) {
      throw new RangeError(`the parity needs ${this.m} blocks of ${lengthBytes} bytes`);
    }
    const machine = this.#running();
    machine.multiply(machine.plan(range(0, this.k), range(this.k, this.m)), data, outputs, lengthBytes);
    this.totals.encodedBytes += this.k * lengthBytes;
    return outputs;
  }

  reconstruct(shards: readonly (Uint8Array | null)[], wanted: readonly number[]): Uint8Array[] {
    const { k, m } = this;
    if (shards.length !== k + m) throw new RangeError(`${shards.length} shards where the scheme has ${k + m}`);
    const stranger = wanted.find((position) => !Number.isInteger(position) || position < 0 || position >= k + m);
    if (stranger !== undefined) throw new RangeError(`there is no shard ${stranger} among ${k + m}`);
    const present = shards.flatMap((shard, position) => (shard === null ? [] : [position]));
    if (present.length < k) throw new RangeError(`${present.length} shards are present and ${k} are needed`);
    const lengthBytes = commonLength(shards.filter((shard) => shard !== null));

    const missing = [...new Set(wanted)].filter((position) => shards[position] === null);
    const rebuilt = new Map<number, Uint8Array>();
    if (missing.length > 0) {
      const machine = this.#running();
      const plan = machine.plan(present.slice(0, k), missing);
      const outputs = freshBlocks(missing.length, lengthBytes);
      const inputs = plan.inputs.map((position) => shards[position]!);
      machine.multiply(plan, inputs, outputs, lengthBytes);
      this.totals.rebuiltStripes++;
      this.totals.rebuiltBytes += missing.length * lengthBytes;
      plan.outputs.forEach((position, index) => {
        rebuilt.set(position, outputs[index]!);
      });
    }
    return wanted.map((position) => shards[position] ?? rebuilt.get(position)!);
  }

  #running(): Machine {
    this.#machine ??= new Machine(this.k, this.m, this.#swizzle ?? bestSwizzle());
    return this.#machine;
  }
}

/** The matrix, the kernels and their memory. */
class Machine {
  readonly #swizzle: Swizzle;
  readonly #field: Field = createField();
  readonly #encoding: Matrix;
  readonly #plans = new Map<string, Plan>();
  readonly #kernels = new Map<number, MultiplyBlocks>();
  readonly #memory: WebAssembly.Memory;
  readonly #bytes: Uint8Array;
  readonly #tileBytes: number;
  readonly #strideBytes: number;
  readonly #tilesAt: number;
  #loaded: Uint8Array | null = null;

  constructor(k: number, m: number, swizzle: Swizzle) {
    this.#swizzle = swizzle;
    this.#encoding = encodingMatrix(this.#field, k, m);
    this.#tileBytes = Math.floor(TILES_BYTES / (k + m) / STEP_BYTES) * STEP_BYTES;
    this.#strideBytes = this.#tileBytes + SKEW_BYTES;
    this.#tilesAt = ROWS_MAX * k * TABLE_BYTES;
    const sizeBytes = this.#tilesAt + (k + m) * this.#strideBytes;
    this.#memory = new WebAssembly.Memory({ initial: Math.ceil(sizeBytes / WASM_PAGE_BYTES) });
    this.#bytes = new Uint8Array(this.#memory.buffer);
  }

  /** Which blocks come from which. Outputs are positions that are not among the k inputs. */
  plan(inputs: readonly number[], outputs: readonly number[]): Plan {
    const key = `${inputs.join()}>${outputs.join()}`;
    const known = this.#plans.get(key);
    if (known !== undefined) return known;
    const rows = decodingMatrix(this.#field, this.#encoding, inputs, outputs);
    const tables = [];
    for (let first = 0; first < rows.length; first += ROWS_MAX) {
      const group = rows.slice(first, first + ROWS_MAX);
      tables.push({ rowCount: group.length, bytes: elementTables(this.#field, group) });
    }
    const plan = { inputs, outputs, tables };
    this.#plans.set(key, plan);
    if (this.#plans.size > PLANS_MAX) this.#plans.delete(this.#plans.keys().next().value!);
    return plan;
  }

  multiply(plan: Plan, inputs: readonly Uint8Array[], outputs: readonly Uint8Array[], lengthBytes: number): void {
    for (let from = 0; from < lengthBytes; from += this.#tileBytes) {
      this.#multiplyTile(plan, inputs, outputs, from, Math.min(lengthBytes, from + this.#tileBytes));
    }
  }

  /** Bytes of the tile beyond `to` are left-overs: they are multiplied along with the last step and never copied out. */
  #multiplyTile(
    plan: Plan,
    inputs: readonly Uint8Array[],
    outputs: readonly Uint8Array[],
    from: number,
    to: number,
  ): void {
    const stride = this.#strideBytes;
    const outputsAt = this.#tilesAt + inputs.length * stride;
    for (let i = 0; i < inputs.length; i++) this.#bytes.set(inputs[i]!.subarray(from, to), this.#tilesAt + i * stride);
    let done = 0;
    for (const { rowCount, bytes } of plan.tables) {
      if (this.#loaded !== bytes) this.#bytes.set(bytes, 0);
      this.#loaded = bytes;
      this.#kernel(rowCount)(0, this.#tilesAt, inputs.length, outputsAt + done * stride, stride, to - from);
      done += rowCount;
    }
    for (let i = 0; i < outputs.length; i++) {
      const at = outputsAt + i * stride;
      outputs[i]!.set(this.#bytes.subarray(at, at + to - from), from);
    }
  }

  #kernel(rowCount: number): MultiplyBlocks {
    const known = this.#kernels.get(rowCount);
    if (known !== undefined) return known;
    const kernel = createKernel(this.#memory, rowCount, this.#swizzle);
    this.#kernels.set(rowCount, kernel);
    return kernel;
  }
}

function commonLength(blocks: readonly Uint8Array[]): number {
  const lengthBytes = blocks[0]!.length;
  const odd = blocks.find((block) => block.length !== lengthBytes);
  if (odd !== undefined) throw new RangeError(`blocks of ${lengthBytes} and of ${odd.length} bytes in one stripe`);
  return lengthBytes;
}

const range = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);

/**
 * One allocation cut into blocks: the blocks of a stripe live and die together. Not zeroed, because every byte is written
 * before anyone sees it.
 */
function freshBlocks(count: number, lengthBytes: number): Uint8Array[] {
  const memory = Buffer.allocUnsafeSlow(count * lengthBytes);
  return Array.from({ length: count }, (_, index) => memory.subarray(index * lengthBytes, (index + 1) * lengthBytes));
}
