// The chance in placement: hashes of names, and exponential draws from them. Exact: only operations that IEEE 754 and
// ECMAScript define to the last bit, so that every machine draws the same. Changing anything here moves all data.

/**
 * Rates of the exponential draws, such that a drive's share of the partitions is its share of the weight. With the weights
 * themselves as rates, drawing without replacement would favour the small drives: with 12 drives, every second one twice
 * as large, 13 % of the capacity would be lost. A drive that is drawn with rate −ln(1−p) is among the chosen with a
 * probability of about p. Equal weights give equal rates, so that then growth moves nothing because of this.
 */
export function ratesFor(givenWeights: readonly number[], width: number): number[] {
  // In lowest terms, so that the unit of the weights makes no difference, not even in the last bit.
  const unit = givenWeights.reduce(greatestCommonDivisor);
  const weights = givenWeights.map((weight) => weight / unit);
  // The share of a drive is at most one position in every partition; what it cannot take, the others share.
  let low = 0;
  let high = 1 / weights.reduce((least, weight) => Math.min(least, weight));
  for (let step = 0; step < 80; step++) {
    const middle = (low + high) / 2;
    const total = weights.reduce((sum, weight) => sum + Math.min(1, middle * weight), 0);
    if (total < width) low = middle;
    else high = middle;
  }
  // At 1 the rate would be infinite, and near it so steep that a small change of the cluster would move much.
  return weights.map((weight) => -naturalLog(1 - Math.min(0.98, high * weight)));
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}

/** A draw from the exponential distribution of rate 1. */
export function exponential(hash: number): number {
  return -naturalLog((hash + 0.5) / 2 ** 32);
}

/**
 * Never more than exponential(hash), and cheap: −ln(x) is at least 1 − x, and the series below differs from the logarithm by
 * less than what is taken off where the two are near each other.
 */
export function exponentialAtLeast(hash: number): number {
  return 1 - (hash + 0.5) / 2 ** 32 - 1e-7;
}

/**
 * ln(x) for 0 < x ≤ 1 from exactly specified operations only: Math.log may differ in the last bit between engines, and then
 * two nodes would disagree about a partition. x = f·2^e with f in [1/2, 2]; ln f = 2 artanh((f−1)/(f+1)), whose series is
 * cut off where 1e-8 is left: plenty for shares, and the same everywhere.
 */
function naturalLog(x: number): number {
  // The draws and probabilities given here are multiples of 2^-33, so the integer part of x·2^32 has the exponent.
  const scaled = x * 2 ** 32;
  const exponent = 31 - Math.clz32(Math.min(Math.max(1, scaled), 2 ** 32 - 1));
  const fraction = scaled / 2 ** exponent;
  const z = (fraction - 1) / (fraction + 1);
  const z2 = z * z;
  const series = z * (1 + z2 * (1 / 3 + z2 * (1 / 5 + z2 * (1 / 7 + z2 * (1 / 9 + z2 * (1 / 11 + z2 / 13))))));
  return 2 * series + (exponent - 32) * Math.LN2;
}

/** FNV-1a over UTF-16 code units, then finalized. Unsigned 32 bits. */
export function hashText(value: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < value.length; i++) {
    hash ^= value.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return mix(hash, value.length);
}

/** The finalizer of MurmurHash3 over the two words: every input bit reaches every output bit. */
export function mix(a: number, b: number): number {
  let h = (a ^ Math.imul(b ^ 0x85ebca6b, 0xcc9e2d51)) >>> 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * Puts mix(seed, b) of every seed from start to before end into the same places of hashes; returns the place of the largest one, the
 * first of equals. Placement spends all its time here, so mix is written out: as a call it may be compiled to run ten times as long.
 */
export function mixRun(seeds: Uint32Array, b: number, hashes: Uint32Array, start: number, end: number): number {
  const word = Math.imul(b ^ 0x85ebca6b, 0xcc9e2d51);
  let largest = start;
  let largestHash = 0;
  for (let place = start; place < end; place++) {
    let h = seeds[place]! ^ word;
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    const hash = (h ^ (h >>> 16)) >>> 0;
    hashes[place] = hash;
    if (hash > largestHash) {
      largest = place;
      largestHash = hash;
    }
  }
  return largest;
}
