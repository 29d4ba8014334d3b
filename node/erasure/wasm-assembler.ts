// The few WebAssembly instructions and sections that the kernel needs, as functions that return their bytes. There is no
// compiler at run time and no binary in the repository: kernel.ts writes its program with these words. Instructions take
// their operands as arguments, so that a program reads inside out like ordinary code. The encoding is that of the
// WebAssembly Core Specification 3.0, chapter 5 (https://webassembly.github.io/spec/core/binary/).

/** Encoded instructions: bytes, nested as the program is, and flattened once at the end. */
export type Code = readonly (number | Code)[];

/** Local variables, parameters first, are known by number. */
export const get = (local: number): Code => [0x20, unsigned(local)];
export const set = (local: number, value: Code): Code => [value, 0x21, unsigned(local)];

export const i32Const = (value: number): Code => [0x41, signed(value)];
export const i32Add = (a: Code, b: Code): Code => [a, b, 0x6a];
export const i32Subtract = (a: Code, b: Code): Code => [a, b, 0x6b];
export const i32LessThanUnsigned = (a: Code, b: Code): Code => [a, b, 0x49];

/** Runs the body, and again for as long as the condition that follows it is not 0. */
export const repeatWhile = (body: Code, condition: Code): Code => [
  ...[0x03, 0x40], // loop, giving no value
  body,
  condition,
  ...[0x0d, 0x00], // br_if to the start of the innermost loop
  0x0b, // end
];

export const v128Load = (address: Code, offset: number): Code => [address, simd(0), ALIGNMENT_16, unsigned(offset)];
export const v128Store = (address: Code, offset: number, value: Code): Code => [
  address,
  value,
  simd(11),
  ALIGNMENT_16,
  unsigned(offset),
];
/** All sixteen lanes equal. */
export const v128Splat = (byte: number): Code => [simd(12), new Array<number>(16).fill(byte)];
export const v128And = (a: Code, b: Code): Code => [a, b, simd(78)];
export const v128Xor = (a: Code, b: Code): Code => [a, b, simd(81)];
/** Each of the eight 16-bit lanes shifted right by so many bits. */
export const i16x8ShiftRight = (a: Code, bits: number): Code => [a, i32Const(bits), simd(141)];
/** Lane i of the result is the lane of the table that lane i of the index names. An index over 15 gives 0. */
export const i8x16Swizzle = (table: Code, index: Code): Code => [table, index, simd(14)];
/** The same, but what an index over 15 gives is the processor's business: one instruction on x86 where the other takes two. */
export const i8x16RelaxedSwizzle = (table: Code, index: Code): Code => [table, index, simd(256)];

export interface WasmFunction {
  readonly name: string;
  /** All parameters are i32, and nothing is returned. */
  readonly parameterCount: number;
  /** Locals that follow the parameters: first the i32 ones, then the v128 ones. All start as zero. */
  readonly i32Count: number;
  readonly v128Count: number;
  readonly body: Code;
}

/** A module that exports the function and imports its memory as "host"."memory". */
export function assembleModule(f: WasmFunction, memoryPagesMin: number): Uint8Array<ArrayBuffer> {
  const parameters = new Array<number>(f.parameterCount).fill(I32);
  return Uint8Array.from(
    flatten([
      ...[0x00, 0x61, 0x73, 0x6d], // "\0asm"
      ...[0x01, 0x00, 0x00, 0x00], // version 1
      section(1, vector([[0x60, vector(parameters), vector([])]])), // types: one, of a function without results
      section(2, vector([[name('host'), name('memory'), 0x02, 0x00, unsigned(memoryPagesMin)]])), // imports
      section(3, vector([0])), // functions: one, of type 0
      section(7, vector([[name(f.name), 0x00, 0]])), // exports: function 0
      section(10, vector([functionBody(f)])), // code
    ]),
  );
}

const I32 = 0x7f;
const V128 = 0x7b;
/** As a power of two. A hint to the engine that addresses are multiples of 16, not a promise. */
const ALIGNMENT_16 = 4;

function functionBody(f: WasmFunction): Code {
  const locals = vector([
    [unsigned(f.i32Count), I32],
    [unsigned(f.v128Count), V128],
  ]);
  return sized([locals, f.body, 0x0b]);
}

const section = (id: number, content: Code): Code => [id, sized(content)];
const vector = (items: readonly (number | Code)[]): Code => [unsigned(items.length), items];
const name = (value: string): Code => sized([...Buffer.from(value, 'utf8')]);
const simd = (opcode: number): Code => [0xfd, unsigned(opcode)];

function sized(content: Code): Code {
  const bytes = flatten(content);
  return [unsigned(bytes.length), bytes];
}

function flatten(code: Code, into: number[] = []): number[] {
  for (const part of code) {
    if (typeof part === 'number') into.push(part);
    else flatten(part, into);
  }
  return into;
}

/** LEB128: seven bits in each byte, the lowest first; the top bit says that another byte follows. */
function unsigned(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  bytes.push(rest);
  return bytes;
}

/** Signed LEB128: ends when what is left is only copies of the sign, and bit 6 of the last byte says the sign. */
function signed(value: number): Code {
  const bytes: number[] = [];
  let rest = value;
  while (rest < -64 || rest > 63) {
    bytes.push((rest & 0x7f) | 0x80);
    rest >>= 7;
  }
  bytes.push(rest & 0x7f);
  return bytes;
}
