// Which blocks of a stripe a reader asks for next: first the wanted ones, and when one of them fails or is slow, as many others
// as it takes to rebuild the stripe. Pure.

export type BlockState =
  | 'idle'
  /** Not asked for; its drive is known to be missing, slow or silent, so only when all others are used up. */
  | 'avoided'
  | 'pending'
  /** Asked for and late; it may still come. */
  | 'slow'
  | 'arrived'
  | 'failed';

export interface FetchPlanInput {
  readonly k: number;
  /** By position. */
  readonly states: readonly BlockState[];
  readonly wanted: readonly number[];
  /** All positions, the ones to be preferred as substitutes first. */
  readonly preference: readonly number[];
}

export type FetchPlan =
  /** All wanted blocks are there. */
  | { readonly kind: 'complete' }
  /** k blocks are there; the wanted ones that are missing can be rebuilt. */
  | { readonly kind: 'rebuild' }
  /** Ask for these (none: wait for what is under way). */
  | { readonly kind: 'fetch'; readonly positions: readonly number[] }
  /** Fewer than k blocks can be had. */
  | { readonly kind: 'lost' };

export function planFetch({ k, states, wanted, preference }: FetchPlanInput): FetchPlan {
  const count = (...kinds: BlockState[]) => states.filter((state) => kinds.includes(state)).length;
  if (wanted.every((position) => states[position] === 'arrived')) return { kind: 'complete' };
  if (count('arrived') >= k) return { kind: 'rebuild' };
  const idleWanted = wanted.filter((position) => states[position] === 'idle');
  const isOnCourse = wanted.every((position) => ['idle', 'pending', 'arrived'].includes(states[position]!));
  if (isOnCourse) return { kind: 'fetch', positions: idleWanted };
  const short = k - count('arrived', 'pending') - idleWanted.length;
  const inState = (state: BlockState) =>
    preference.filter((position) => states[position] === state && !idleWanted.includes(position));
  const substitutes = [...inState('idle'), ...inState('avoided')].slice(0, Math.max(0, short));
  const positions = [...idleWanted, ...substitutes];
  if (positions.length === 0 && count('pending', 'slow') === 0) return { kind: 'lost' };
  return { kind: 'fetch', positions };
}
