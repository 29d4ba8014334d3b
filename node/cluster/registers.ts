// The registers as the rest of the node uses them: one linearizable register per key, changed by commands that are decided
// where the register's proposer is. The protocol behind it is described in docs/consistency.md.
import type { Version } from '../core/ballot.ts';
import type { RegisterKey } from '../core/keys.ts';

export interface RegisterState {
  /** null: never written (or forgotten after a deletion). */
  readonly payload: Uint8Array | null;
  /** false for absent registers and for payloads that say "deleted". */
  readonly live: boolean;
}

/**
 * What a command does to a register: pure, and decided exactly once, at the proposer. A write that is not live with an empty
 * payload leaves nothing to remember, so the register may be forgotten in time; one with a payload must be kept.
 */
export type Decision =
  | { readonly kind: 'write'; readonly payload: Uint8Array; readonly live: boolean; readonly reply: Uint8Array }
  | { readonly kind: 'keep'; readonly reply: Uint8Array };

/** Pure and deterministic: node/core gives one for all kinds of registers. */
export type Decide = (key: RegisterKey, current: RegisterState, command: Uint8Array) => Decision;

/** The part of a payload that a listing needs; pure. Runs at the replica, so that bodies stay at home. */
export type Summarize = (key: RegisterKey, payload: Uint8Array) => Uint8Array;

/** No quorum answered, or the outcome of a change is unknown: it may or may not happen. */
export class UnavailableError extends Error {
  override readonly name = 'UnavailableError';
}

export interface ScanPage {
  /** Live registers, ascending, settled. */
  readonly entries: readonly { readonly key: RegisterKey; readonly summary: Uint8Array }[];
  /** Where the next page starts, or null when nothing is left before `to`. */
  readonly next: RegisterKey | null;
}

export interface Registers {
  /** Linearizable. Rejects with UnavailableError. */
  read(key: RegisterKey): Promise<RegisterState>;
  /**
   * Carries out the command once, and gives the decision's reply, or empty bytes when the command wrote and only its reply was
   * lost. A retry inside never applies it twice.
   * Rejects with UnavailableError when nobody knows whether it happened.
   */
  change(key: RegisterKey, command: Uint8Array): Promise<Uint8Array>;
  /** Live registers with from ≤ key < to ('' = no upper end), at most limit of them; each one was current at some moment during the call. */
  scan(from: RegisterKey, to: RegisterKey, limit: number): Promise<ScanPage>;
}

export interface WalkedRegister {
  readonly key: RegisterKey;
  readonly version: Version;
  readonly payload: Uint8Array;
  readonly live: boolean;
}

/** For healing: a walk over the registers that this node answers for, so that over all nodes each is visited once. */
export interface RegisterMaintenance {
  /**
   * Registers from this key on (ascending, over all kinds, deleted ones included) whose first replica that is up lies on this
   * node, settled, with their whole payload; about limit of them. next = null at the end. Rejects with UnavailableError.
   */
  walkOwned(
    from: RegisterKey,
    limit: number,
  ): Promise<{
    readonly entries: readonly WalkedRegister[];
    readonly next: RegisterKey | null;
  }>;
}
