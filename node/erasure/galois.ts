// Arithmetic of the Reed-Solomon code: the field GF(2^8), and matrices over it. Pure. Field and matrix are those of the published
// package @subspace/reed-solomon-erasure.wasm (and of Backblaze's and klauspost's codes), so that parities equal theirs.

/** x^8 + x^4 + x^3 + x^2 + 1. */
const FIELD_POLYNOMIAL = 0x11d;

export interface Field {
  multiply(a: number, b: number): number;
  /** a must not be 0. */
  invert(a: number): number;
}

/** Rows of equal length; every element is 0-255. */
export type Matrix = readonly Uint8Array[];

export function createField(): Field {
  const exponential = new Uint8Array(510);
  const logarithm = new Uint8Array(256);
  let power = 1;
  for (let exponent = 0; exponent < 255; exponent++) {
    exponential[exponent] = power;
    // The second copy spares multiply a modulo.
    exponential[exponent + 255] = power;
    logarithm[power] = exponent;
    power <<= 1;
    if (power > 0xff) power ^= FIELD_POLYNOMIAL;
  }
  return {
    multiply: (a, b) => (a === 0 || b === 0 ? 0 : exponential[logarithm[a]! + logarithm[b]!]!),
    invert(a) {
      if (a === 0) throw new RangeError('0 has no inverse');
      return exponential[255 - logarithm[a]!]!;
    },
  };
}

/**
 * The (k+m)×k matrix that maps data to shards: a Vandermonde matrix made systematic (its first k rows are the identity), so
 * that any k of its rows are independent.
 */
export function encodingMatrix(field: Field, k: number, m: number): Matrix {
  const vandermonde = Array.from({ length: k + m }, (_, row) => {
    const elements = new Uint8Array(k);
    let power = 1;
    for (let column = 0; column < k; column++) {
      elements[column] = power;
      power = field.multiply(power, row);
    }
    return elements;
  });
  return multiplyMatrices(field, vandermonde, invertMatrix(field, vandermonde.slice(0, k)));
}

/**
 * How the wanted shards follow from the chosen ones: one row for each wanted position, one column for each of the k chosen
 * positions.
 */
export function decodingMatrix(
  field: Field,
  encoding: Matrix,
  chosen: readonly number[],
  wanted: readonly number[],
): Matrix {
  const dataFromChosen = invertMatrix(
    field,
    chosen.map((position) => encoding[position]!),
  );
  return multiplyMatrices(
    field,
    wanted.map((position) => encoding[position]!),
    dataFromChosen,
  );
}

export function multiplyMatrices(field: Field, left: Matrix, right: Matrix): Matrix {
  const columns = right[0]!.length;
  return left.map((row) => {
    const product = new Uint8Array(columns);
    for (let inner = 0; inner < row.length; inner++) addScaled(field, product, right[inner]!, row[inner]!);
    return product;
  });
}

/** Gauss-Jordan elimination. Throws RangeError when the matrix is singular, which rows of an encoding matrix never are. */
export function invertMatrix(field: Field, matrix: Matrix): Matrix {
  const size = matrix.length;
  const left = matrix.map((row) => row.slice());
  const right = matrix.map((_, index) => {
    const unit = new Uint8Array(size);
    unit[index] = 1;
    return unit;
  });
  for (let column = 0; column < size; column++) {
    const pivot = left.findIndex((row, index) => index >= column && row[column] !== 0);
    if (pivot < 0) throw new RangeError('the matrix is singular');
    for (const side of [left, right]) {
      [side[column], side[pivot]] = [side[pivot]!, side[column]!];
    }
    const scale = field.invert(left[column]![column]!);
    for (const side of [left, right]) {
      side[column] = side[column]!.map((element) => field.multiply(element, scale));
    }
    for (let row = 0; row < size; row++) {
      const factor = left[row]![column]!;
      if (row === column || factor === 0) continue;
      addScaled(field, left[row]!, left[column]!, factor);
      addScaled(field, right[row]!, right[column]!, factor);
    }
  }
  return right;
}

function addScaled(field: Field, target: Uint8Array, source: Uint8Array, factor: number): void {
  for (let i = 0; i < target.length; i++) target[i]! ^= field.multiply(source[i]!, factor);
}
