// One S3 object as a register: what each operation may answer in each state. Every put writes a value that no other put
// writes, so an answer names the write it saw.
import type { Model, Operation } from './linearizability.ts';

/** The label of the value that the object has; null when there is none. */
export type ObjectState = string | null;

/** A condition on a write: no object, any object, or the object with exactly this value. */
export type Condition =
  | { readonly kind: 'none' }
  | { readonly kind: 'if-none-match-any' }
  | { readonly kind: 'if-match'; readonly value: string };

export const UNCONDITIONAL: Condition = { kind: 'none' };

/** answer is meaningful only when the outcome is known. */
export type ObjectCall =
  | { readonly kind: 'get'; readonly answer: ObjectState }
  | { readonly kind: 'put'; readonly value: string; readonly condition: Condition; readonly answer: WriteAnswer }
  | { readonly kind: 'delete'; readonly condition: Condition; readonly answer: WriteAnswer };

/** 'no-such-key': if-match on an object that is absent may answer 404 instead of 412. */
export type WriteAnswer = 'done' | 'precondition-failed' | 'no-such-key';

export const objectModel: Model<ObjectState, ObjectCall> = {
  initial: null,
  changesNothing: (call) => call.kind === 'get' || call.answer !== 'done',
  classOf: (call) =>
    call.kind === 'get'
      ? 'get'
      : `${call.kind} ${call.kind === 'put' ? call.value : ''} ${conditionText(call.condition)}`,
  keyOf: (state) => (state === null ? '' : `=${state}`),
  apply(state, call, outcomeKnown) {
    if (call.kind === 'get') return !outcomeKnown || call.answer === state ? state : undefined;
    const holds = conditionHolds(call.condition, state);
    const after = call.kind === 'put' ? call.value : null;
    if (!outcomeKnown) return holds ? after : state;
    switch (call.answer) {
      case 'done':
        return holds ? after : undefined;
      case 'precondition-failed':
        return holds ? undefined : state;
      case 'no-such-key':
        return !holds && state === null ? state : undefined;
    }
  },
};

/**
 * The same history with one name for all values that no answer and no condition mentions: nothing can tell them apart,
 * and the checker need not try each of them.
 */
export function withUnobservedValuesJoined(operations: readonly Operation<ObjectCall>[]): Operation<ObjectCall>[] {
  const observed = new Set<string>();
  for (const { call } of operations) {
    if (call.kind === 'get') {
      if (call.answer !== null) observed.add(call.answer);
    } else if (call.condition.kind === 'if-match') {
      observed.add(call.condition.value);
    }
  }
  return operations.map((operation) => {
    const { call } = operation;
    if (call.kind !== 'put' || observed.has(call.value)) return operation;
    return { ...operation, call: { ...call, value: '(a value that nobody saw)' } };
  });
}

export function conditionText(condition: Condition): string {
  switch (condition.kind) {
    case 'none':
      return '';
    case 'if-none-match-any':
      return 'if-none-match *';
    case 'if-match':
      return `if-match ${condition.value}`;
  }
}

export function conditionHolds(condition: Condition, state: ObjectState): boolean {
  switch (condition.kind) {
    case 'none':
      return true;
    case 'if-none-match-any':
      return state === null;
    case 'if-match':
      return state === condition.value;
  }
}
