// Records what clients asked and were told, in the one order in which it happened, and judges it object by object
// (linearizability is local: a history is linearizable when that of every object is).
import { checkLinearizable, type Operation } from './linearizability.ts';
import {
  conditionText,
  type ObjectCall,
  type ObjectState,
  objectModel,
  withUnobservedValuesJoined,
} from './object-model.ts';

/** An operation that was called and has not been answered. */
export interface OpenOperation {
  /** The answer arrived. */
  returned(call: ObjectCall): void;
  /** The answer was an error that says nothing: for a write it may have happened, or may yet. */
  outcomeUnknown(): void;
}

interface Recorded extends Operation<ObjectCall> {
  readonly object: string;
  readonly client: string;
}

export class History {
  readonly #operations: Recorded[] = [];
  readonly #open = new Map<number, Recorded>();
  #moment = 0;

  get operationCount(): number {
    return this.#operations.length + this.#open.size;
  }

  /** Operations on an object whose outcome is known. */
  get answeredCount(): number {
    return this.#operations.filter(({ returnedAt }) => returnedAt !== null).length;
  }

  /** call: with any answer; it is replaced by the one that comes. */
  call(client: string, object: string, call: ObjectCall): OpenOperation {
    const calledAt = ++this.#moment;
    const recorded: Recorded = { client, object, calledAt, returnedAt: null, call };
    this.#open.set(calledAt, recorded);
    return {
      returned: (answered) => {
        this.#settle(calledAt, { ...recorded, call: answered, returnedAt: ++this.#moment });
      },
      outcomeUnknown: () => this.#settle(calledAt, recorded),
    };
  }

  /** One of many answers of a listing: the object was in this state at some moment between the two. */
  observed(client: string, object: string, calledAt: number, answer: ObjectState): void {
    const returnedAt = ++this.#moment;
    this.#operations.push({ client, object, calledAt, returnedAt, call: { kind: 'get', answer } });
  }

  /** The present moment, for observed(). */
  mark(): number {
    return ++this.#moment;
  }

  objects(): string[] {
    return [...new Set(this.#all().map(({ object }) => object))].sort();
  }

  /** What is wrong, a readable account per object; empty when the history is linearizable. */
  violations(): string[] {
    return this.objects().flatMap((object) => {
      // A read without an answer says nothing.
      const operations = this.#of(object).filter(({ call, returnedAt }) => call.kind !== 'get' || returnedAt !== null);
      const verdict = checkLinearizable(objectModel, withUnobservedValuesJoined(operations));
      if (verdict.ok) return [];
      const byCall = new Map(operations.map((operation) => [operation.calledAt, operation]));
      const culprit = byCall.get(verdict.culprit.calledAt)!;
      return [
        [
          `${object}: no order explains "${describe(culprit)}"`,
          `  the object could then be: ${verdict.possibleStates.map((state) => state ?? 'absent').join(' or ')}`,
          ...verdict.open.map((other) => `  not yet answered then: ${describe(byCall.get(other.calledAt)!)}`),
          '  its history up to there:',
          ...operations
            .filter(({ calledAt }) => calledAt <= culprit.returnedAt!)
            .slice(-60)
            .map((operation) => `    ${describe(operation)}`),
        ].join('\n'),
      ];
    });
  }

  #of(object: string): Recorded[] {
    return this.#all().filter((operation) => operation.object === object);
  }

  #all(): Recorded[] {
    return [...this.#operations, ...this.#open.values()].sort((a, b) => a.calledAt - b.calledAt);
  }

  #settle(calledAt: number, recorded: Recorded): void {
    if (!this.#open.delete(calledAt)) throw new Error('an operation was settled twice');
    this.#operations.push(recorded);
  }
}

function describe({ client, call, calledAt, returnedAt }: Recorded): string {
  const span = `[${calledAt}, ${returnedAt ?? '?'}] ${client}`;
  const answer = (known: string) => (returnedAt === null ? 'unknown' : known);
  if (call.kind === 'get') return `${span} get -> ${answer(call.answer ?? 'absent')}`;
  const when = conditionText(call.condition);
  const what = call.kind === 'put' ? `put ${call.value}` : 'delete';
  return `${span} ${what} ${when} -> ${answer(call.answer)}`;
}
