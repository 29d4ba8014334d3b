// How RustFS and MinIO cut the drives on their command line into erasure sets: the rules of design section 1, which follow
// rustfs/crates/ecstore/src/disks_layout.rs and minio/cmd/endpoint-ellipses.go. Pure: arguments in, sets of endpoints out.

const SET_SIZE_MIN = 2;
const SET_SIZE_MAX = 16;
const DRIVES_PER_POOL_MAX = 10_000;

export interface SetRules {
  readonly engine: 'rustfs' | 'minio';
  /** *_ERASURE_SET_DRIVE_COUNT; null: the server chooses. */
  readonly setSize: number | null;
}

export interface PoolSets {
  readonly setSize: number;
  /** Endpoints, in the order of the drives in the set. */
  readonly sets: readonly (readonly string[])[];
}

/** The arguments contradict the rules, so the server would not start. The message says which and how. */
export class SetLayoutError extends Error {
  override readonly name = 'SetLayoutError';
}

/** One pool for each argument with an ellipsis {a...b}, or one pool of a plain list. Throws SetLayoutError. */
export function layoutPools(volumes: readonly string[], rules: SetRules): PoolSets[] {
  const patterns = volumes.map((volume) => parsePattern(volume));
  const plain = volumes.filter((_, index) => patterns[index]!.ranges.length === 0);
  if (plain.length === volumes.length) return [layoutPool(volumes, null, rules)];
  if (plain.length > 0) {
    throw new SetLayoutError(
      `"${plain[0]}" has no ellipsis {a...b} and other arguments have one; either all have one (a pool each) or none`,
    );
  }
  const pools = patterns.map((pattern) => layoutPool(expand(pattern), pattern.ranges[0]!.length, rules));
  const seen = new Set<string>();
  for (const endpoint of pools.flatMap(({ sets }) => sets.flat())) {
    if (seen.has(endpoint)) throw new SetLayoutError(`"${endpoint}" is in the arguments twice`);
    seen.add(endpoint);
  }
  return pools;
}

/** Parity of the standard storage class when nobody sets it. */
export function defaultParity(setSize: number): number {
  if (setSize <= 1) return 0;
  if (setSize <= 3) return 1;
  if (setSize <= 5) return 2;
  if (setSize <= 7) return 3;
  return 4;
}

/** Drives of a set that must answer: K to read; to write K, or K+1 where K alone would let two halves both write. */
export function setQuorums(setSize: number, parity: number): { readonly read: number; readonly write: number } {
  const read = setSize - parity;
  return { read, write: read === parity ? read + 1 : read };
}

/** Set sizes that the server accepts for so many drives. firstRange: length of the first ellipsis, null for a plain list. */
export function symmetricSizes(driveCount: number, firstRange: number | null): number[] {
  return dividingSizes(driveCount).filter((size) => {
    if (firstRange === null) return true;
    return (firstRange > size ? firstRange % size : size % firstRange) === 0;
  });
}

function dividingSizes(driveCount: number): number[] {
  const sizes: number[] = [];
  for (let size = SET_SIZE_MIN; size <= SET_SIZE_MAX; size++) if (driveCount % size === 0) sizes.push(size);
  return sizes;
}

function layoutPool(endpoints: readonly string[], firstRange: number | null, rules: SetRules): PoolSets {
  const symmetric = symmetricSizes(endpoints.length, firstRange);
  if (symmetric.length === 0) {
    throw new SetLayoutError(
      `${endpoints.length} drives cannot be cut into equal sets of ${SET_SIZE_MIN} to ${SET_SIZE_MAX} drives with the same number of drives from every host`,
    );
  }
  const setSize = rules.setSize ?? symmetric.at(-1)!;
  const allowed = rules.engine === 'rustfs' || rules.setSize === null ? symmetric : dividingSizes(endpoints.length);
  if (!allowed.includes(setSize)) {
    throw new SetLayoutError(
      `${endpoints.length} drives cannot be cut into sets of ${setSize}; ${rules.engine} allows sets of ${allowed.join(', ')}`,
    );
  }
  const sets = Array.from({ length: endpoints.length / setSize }, (_, index) =>
    endpoints.slice(index * setSize, (index + 1) * setSize),
  );
  return { setSize, sets };
}

interface Pattern {
  /** One more than there are ranges: what stands before, between and after them. */
  readonly texts: readonly string[];
  /** The values of each ellipsis, as they are written into the endpoint. */
  readonly ranges: readonly (readonly string[])[];
}

function parsePattern(volume: string): Pattern {
  const parts = volume.split(/\{([^{}]*)\}/);
  const texts = parts.filter((_, index) => index % 2 === 0);
  const ranges = parts.filter((_, index) => index % 2 === 1).map((range) => parseRange(range, volume));
  if (texts.some((text) => /[{}]/.test(text))) throw new SetLayoutError(`"${volume}" has braces that do not match`);
  const count = ranges.reduce((product, range) => product * range.length, 1);
  if (count > DRIVES_PER_POOL_MAX)
    throw new SetLayoutError(`"${volume}" stands for ${count} drives, which is too many`);
  return { texts, ranges };
}

function parseRange(range: string, volume: string): string[] {
  const match = /^([0-9]{1,6})\.\.\.([0-9]{1,6})$/.exec(range);
  if (match === null) throw new SetLayoutError(`{${range}} in "${volume}" is not an ellipsis; write {1...4}`);
  const [, first, last] = match as unknown as [string, string, string];
  const count = Number(last) - Number(first) + 1;
  if (count < 1) throw new SetLayoutError(`{${range}} in "${volume}" goes backwards; write {${last}...${first}}`);
  const padded = (first.startsWith('0') && first.length > 1) || last.startsWith('0');
  return Array.from({ length: count }, (_, index) =>
    String(Number(first) + index).padStart(padded ? last.length : 1, '0'),
  );
}

/** The first ellipsis varies fastest. */
function expand({ texts, ranges }: Pattern): string[] {
  let endings = [texts.at(-1)!];
  for (let place = ranges.length - 1; place >= 0; place--) {
    endings = endings.flatMap((ending) => ranges[place]!.map((value) => texts[place]! + value + ending));
  }
  return endings;
}
