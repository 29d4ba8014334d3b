// The hot loop of the code as a WebAssembly module: rows of a matrix over GF(2^8) times blocks of bytes, sixteen bytes at a
// time. A byte is a sum (xor) of its two nibbles, so its product with a constant is the sum of two look-ups in tables of
// sixteen entries, and a look-up of sixteen nibbles at once is one swizzle.
import type { Field, Matrix } from './galois.ts';
import {
  assembleModule,
  type Code,
  get,
  i8x16RelaxedSwizzle,
  i8x16Swizzle,
  i16x8ShiftRight,
  i32Add,
  i32Const,
  i32LessThanUnsigned,
  i32Subtract,
  repeatWhile,
  set,
  v128And,
  v128Load,
  v128Splat,
  v128Store,
  v128Xor,
  type WasmFunction,
} from './wasm-assembler.ts';

/** 'relaxed' is faster on x86; both give the same bytes, because the kernel's indexes are below 16. */
export type Swizzle = 'relaxed' | 'plain';

/** Rows that one call computes; more would not fit the sixteen registers of an x86 processor. */
export const ROWS_MAX = 4;
/** Blocks must have room for a multiple of this many bytes. */
export const STEP_BYTES = 32;
/** Tables of one matrix element: sixteen products of the low nibble, sixteen of the high one. */
export const TABLE_BYTES = 32;

/**
 * Block i of the output becomes the sum over j of element (i, j) times input block j. Addresses are in the memory given to
 * createKernel; blocks begin `strideBytes` apart; lengthBytes is rounded up to STEP_BYTES. The tables are elementTables of at
 * most ROWS_MAX rows.
 */
export type MultiplyBlocks = (
  tables: number,
  inputs: number,
  inputCount: number,
  outputs: number,
  strideBytes: number,
  lengthBytes: number,
) => void;

/** The kernel for 1 to ROWS_MAX rows. Takes about a millisecond. */
export function createKernel(memory: WebAssembly.Memory, rows: number, swizzle: Swizzle): MultiplyBlocks {
  const module = new WebAssembly.Module(assembleModule(multiplyBlocks(rows, swizzle), 1));
  return new WebAssembly.Instance(module, { host: { memory } }).exports[EXPORT_NAME] as MultiplyBlocks;
}

/** The fastest that this runtime has. Throws when it has no SIMD at all. */
export function bestSwizzle(validate: (module: Uint8Array<ArrayBuffer>) => boolean = WebAssembly.validate): Swizzle {
  if (validate(swizzleProbe('relaxed'))) return 'relaxed';
  if (validate(swizzleProbe('plain'))) return 'plain';
  throw new Error(
    'this runtime has no WebAssembly SIMD, which erasure coding needs: run Node 24 on x86-64 with SSE4.1, or on arm64',
  );
}

/** The tables of the rows in the order in which the kernel walks through them: input by input, and row by row within. */
export function elementTables(field: Field, rows: Matrix): Uint8Array {
  const inputCount = rows[0]!.length;
  const tables = new Uint8Array(inputCount * rows.length * TABLE_BYTES);
  let at = 0;
  for (let input = 0; input < inputCount; input++) {
    for (const row of rows) {
      for (let nibble = 0; nibble < 16; nibble++) {
        tables[at + nibble] = field.multiply(row[input]!, nibble);
        tables[at + 16 + nibble] = field.multiply(row[input]!, nibble << 4);
      }
      at += TABLE_BYTES;
    }
  }
  return tables;
}

const EXPORT_NAME = 'multiplyBlocks';
const LOOK_UP = { relaxed: i8x16RelaxedSwizzle, plain: i8x16Swizzle } as const;

/** The smallest module that uses the instruction. */
function swizzleProbe(swizzle: Swizzle): Uint8Array<ArrayBuffer> {
  const body = set(0, LOOK_UP[swizzle](get(0), get(0)));
  return assembleModule({ name: 'probe', parameterCount: 0, i32Count: 0, v128Count: 1, body }, 1);
}

/**
 * for (at = 0; at < length; at += STEP) {
 *   sums = 0
 *   for (each input) { split STEP bytes of it into nibbles; for (each row) sums[row] ^= low[nibbles] ^ high[nibbles] }
 *   store the sums
 * }
 * The sums of a step stay in registers, and every input byte is loaded once for all rows.
 */
function multiplyBlocks(rows: number, swizzle: Swizzle): WasmFunction {
  const lookUp = LOOK_UP[swizzle];
  const vectors = Array.from({ length: STEP_BYTES / 16 }, (_, index) => index);
  const rowIndexes = Array.from({ length: rows }, (_, index) => index);

  const [tables, inputs, inputCount, outputs, stride, length] = [0, 1, 2, 3, 4, 5] as const;
  const [at, table, input, inputsLeft, output] = [6, 7, 8, 9, 10] as const;
  const firstVector = 11;
  const mask = firstVector;
  const lowTable = firstVector + 1;
  const highTable = firstVector + 2;
  const low = (vector: number) => firstVector + 3 + vector * 2;
  const high = (vector: number) => firstVector + 4 + vector * 2;
  const sum = (row: number, vector: number) => firstVector + 3 + vectors.length * (2 + row) + vector;

  const clearSums: Code = rowIndexes.map((row) => vectors.map((vector) => set(sum(row, vector), v128Splat(0))));
  const splitNibbles: Code = vectors.map((vector) => [
    set(high(vector), v128Load(get(input), vector * 16)),
    set(low(vector), v128And(get(high(vector)), get(mask))),
    set(high(vector), v128And(i16x8ShiftRight(get(high(vector)), 4), get(mask))),
  ]);
  const addProducts: Code = rowIndexes.map((row) => [
    set(lowTable, v128Load(get(table), row * TABLE_BYTES)),
    set(highTable, v128Load(get(table), row * TABLE_BYTES + 16)),
    vectors.map((vector) =>
      set(
        sum(row, vector),
        v128Xor(
          get(sum(row, vector)),
          v128Xor(lookUp(get(lowTable), get(low(vector))), lookUp(get(highTable), get(high(vector)))),
        ),
      ),
    ),
  ]);
  const storeSums: Code = rowIndexes.map((row) => [
    vectors.map((vector) => v128Store(get(output), vector * 16, get(sum(row, vector)))),
    advance(output, get(stride)),
  ]);

  return {
    name: EXPORT_NAME,
    parameterCount: 6,
    i32Count: 5,
    v128Count: 3 + vectors.length * (2 + rows),
    body: [
      set(mask, v128Splat(0x0f)),
      repeatWhile(
        [
          clearSums,
          set(table, get(tables)),
          set(input, i32Add(get(inputs), get(at))),
          set(inputsLeft, get(inputCount)),
          repeatWhile(
            [
              splitNibbles,
              addProducts,
              advance(input, get(stride)),
              advance(table, i32Const(rows * TABLE_BYTES)),
              set(inputsLeft, i32Subtract(get(inputsLeft), i32Const(1))),
            ],
            get(inputsLeft),
          ),
          set(output, i32Add(get(outputs), get(at))),
          storeSums,
          advance(at, i32Const(STEP_BYTES)),
        ],
        i32LessThanUnsigned(get(at), get(length)),
      ),
    ],
  };
}

const advance = (local: number, by: Code): Code => set(local, i32Add(get(local), by));
