// Repeatable randomness. One seed gives a tree of independent streams: split(label) depends on the seed and the labels
// above it only, never on how much was drawn, so that one more draw in one place leaves every other place's fate alone.
//
// The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, 32-bit additions and shifts only, which
// JavaScript does exactly and fast; it passes PractRand to 32 TB. Not a cryptographic generator, and it need not be one.
import type { Random } from '../../node/io/random.ts';

export class SimRandom implements Random {
  readonly #path: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** seed: an integer from 0 to 2^53 − 1, or any text. */
  constructor(seed: number | string) {
    this.#path = String(seed);
    [this.#a, this.#b, this.#c] = hashText(this.#path);
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** A stream of its own; the same label gives the same stream again. */
  split(label: string): SimRandom {
    return new SimRandom(`${this.#path}/${label}`);
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** [0, 1) with 32 bits. */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  /** An integer in [0, end). */
  below(end: number): number {
    return Math.floor(this.fraction() * end);
  }

  /** A number in [min, max). */
  between(min: number, max: number): number {
    return min + this.fraction() * (max - min);
  }

  /** Mostly small, now and then far larger; never below min: the shape of delays in real systems. */
  longTailed(min: number, mean: number): number {
    return min + (mean - min) * -Math.log1p(-this.fraction());
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }

  bytes(length: number): Buffer {
    const result = Buffer.alloc(length);
    let at = 0;
    for (; at + 4 <= length; at += 4) result.writeUInt32LE(this.uint32(), at);
    if (at < length) {
      let rest = this.uint32();
      for (; at < length; at++, rest >>>= 8) result[at] = rest & 0xff;
    }
    return result;
  }
}

/** Three words that depend on every character (cyrb-style multiply and fold). */
function hashText(text: string): [number, number, number] {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    a = Math.imul(a ^ unit, 0x85ebca6b);
    b = Math.imul(b ^ unit ^ (a >>> 15), 0xc2b2ae35);
    c = Math.imul(c ^ unit ^ (b >>> 13), 0x27d4eb2f);
  }
  return [a ^ (c >>> 16), b ^ (a >>> 16), c ^ (b >>> 16)];
}
