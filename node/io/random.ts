// Randomness as a port. The node draws ids and jitter from here and nowhere else.
import { randomBytes } from 'node:crypto';

export interface Random {
  /** length fresh bytes; unpredictable in the real adapter, repeatable from the seed under simulation. */
  bytes(length: number): Buffer;
}

/** A number in [0, 1) with 32 bits of resolution: for jitter and sampling. */
export function fraction(random: Random): number {
  return random.bytes(4).readUInt32LE(0) / 2 ** 32;
}

/** The operating system's generator. */
export function systemRandom(): Random {
  return { bytes: (length) => randomBytes(length) };
}
