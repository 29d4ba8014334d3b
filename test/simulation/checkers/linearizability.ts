// Decides whether a history of operations on one object could have come from operations that took effect one at a time,
// each at some moment between its call and its return (Herlihy & Wing, 1990).
//
// The algorithm is Lowe's just-in-time linearization ("Testing for linearizability", 2017; the search of Wing & Gong, 1993)
// over sets of configurations. A configuration is a state of the model and the set of called operations that have taken
// effect already. The history is read in order of time; an operation is made to take effect only when a return forces it.
//
// An operation without a known outcome may have taken effect at any moment after its call, or never, and so stays open for
// ever. Four rules keep the search small without losing an answer:
//  - a configuration that used up more of the unknown operations than another, and is else equal, is dropped;
//  - of unknown operations of the same class (same effect in every state) the one called first is used first;
//  - an operation that can change nothing (a read, a write that was refused) takes effect as soon as its answer is right;
//  - an unknown operation that every configuration has used up is forgotten.

export interface Operation<Call> {
  /** Positions in the one order of all calls and returns of the history. */
  readonly calledAt: number;
  /** null: the outcome is unknown; it may have happened, may happen yet, or never. */
  readonly returnedAt: number | null;
  /** What was asked, and what was answered when there was an answer. */
  readonly call: Call;
}

export interface Model<State, Call> {
  readonly initial: State;
  /**
   * The state after this operation, or undefined when it cannot have answered what it did in this state. outcomeKnown is
   * false for operations whose answer nobody saw: they can always happen.
   */
  apply(state: State, call: Call, outcomeKnown: boolean): State | undefined;
  /** Equal for equal states. */
  keyOf(state: State): string;
  /** Whether a call with this known answer leaves every state as it is in which the answer is right. */
  changesNothing(call: Call): boolean;
  /** Equal only for calls that do the same in every state when their outcome is unknown. */
  classOf(call: Call): string;
}

export type Verdict<State, Call> =
  | { readonly ok: true; readonly configurationsMax: number }
  | {
      readonly ok: false;
      /** The operation whose answer no order explains. */
      readonly culprit: Operation<Call>;
      /** Operations that had been called and had not returned by then, as far as they could still matter. */
      readonly open: readonly Operation<Call>[];
      /** The states in which the object could have been just before it. */
      readonly possibleStates: readonly State[];
    };

interface Configuration<State> {
  readonly state: State;
  /** Open operations with a known outcome that have taken effect: their numbers, ascending. */
  readonly known: readonly number[];
  /** The same of those with an unknown outcome. */
  readonly unknown: readonly number[];
}

/** The search gives up beyond this, with an error: it means a history that needs another checker, not a wrong one. */
const CONFIGURATIONS_MAX = 50_000;

export function checkLinearizable<State, Call>(
  model: Model<State, Call>,
  operations: readonly Operation<Call>[],
): Verdict<State, Call> {
  const search = new Search(model, operations);
  const moments = operations
    .flatMap(({ calledAt, returnedAt }, index) => [
      { at: calledAt, index, isReturn: false },
      ...(returnedAt === null ? [] : [{ at: returnedAt, index, isReturn: true }]),
    ])
    .sort((a, b) => a.at - b.at);
  for (const { index, isReturn } of moments) {
    if (!isReturn) search.called(index);
    else if (!search.returned(index)) return search.failure(index);
  }
  return { ok: true, configurationsMax: search.configurationsMax };
}

class Search<State, Call> {
  configurationsMax = 1;
  readonly #model: Model<State, Call>;
  readonly #operations: readonly Operation<Call>[];
  readonly #openKnown = new Set<number>();
  /** By class, in order of their calls. */
  readonly #openUnknown = new Map<string, number[]>();
  #configurations: Configuration<State>[];

  constructor(model: Model<State, Call>, operations: readonly Operation<Call>[]) {
    this.#model = model;
    this.#operations = operations;
    this.#configurations = [{ state: model.initial, known: [], unknown: [] }];
  }

  called(index: number): void {
    const { call, returnedAt } = this.#operations[index]!;
    if (returnedAt !== null) {
      this.#openKnown.add(index);
      return;
    }
    const name = this.#model.classOf(call);
    const members = this.#openUnknown.get(name);
    if (members === undefined) this.#openUnknown.set(name, [index]);
    else members.push(index);
  }

  /** Keeps the configurations in which the operation has taken effect by now. false: there is none. */
  returned(target: number): boolean {
    const seen = new MinimalConfigurations(this.#model);
    const reached = new MinimalConfigurations(this.#model);
    const work: Configuration<State>[] = [];
    const visit = (found: Configuration<State>) => {
      const configuration = this.#withUnchanging(found);
      if (configuration.known.includes(target)) {
        reached.add({ ...configuration, known: configuration.known.filter((index) => index !== target) });
      } else if (seen.add(configuration)) {
        work.push(configuration);
        if (work.length > CONFIGURATIONS_MAX)
          throw new Error(`more than ${CONFIGURATIONS_MAX} configurations to search`);
      }
    };
    for (const configuration of this.#configurations) visit(configuration);
    for (let at = 0; at < work.length; at++) this.#stepFrom(work[at]!, visit);
    const next = reached.all();
    if (next.length === 0) return false;
    this.#openKnown.delete(target);
    this.#configurations = next;
    this.configurationsMax = Math.max(this.configurationsMax, work.length);
    this.#forgetUsedUp();
    return true;
  }

  failure(target: number): Verdict<State, Call> {
    const open = [...this.#openKnown, ...[...this.#openUnknown.values()].flat()].filter((index) => index !== target);
    const states = new Map(this.#configurations.map(({ state }) => [this.#model.keyOf(state), state]));
    return {
      ok: false,
      culprit: this.#operations[target]!,
      open: open.sort((a, b) => a - b).map((index) => this.#operations[index]!),
      possibleStates: [...states.values()],
    };
  }

  /** Everything that may take effect next and changes the state. */
  #stepFrom({ state, known, unknown }: Configuration<State>, visit: (next: Configuration<State>) => void): void {
    const key = this.#model.keyOf(state);
    for (const index of this.#openKnown) {
      if (known.includes(index)) continue;
      const after = this.#model.apply(state, this.#operations[index]!.call, true);
      if (after !== undefined) visit({ state: after, known: inserted(known, index), unknown });
    }
    for (const members of this.#openUnknown.values()) {
      const index = members.find((member) => !unknown.includes(member));
      if (index === undefined) continue;
      const after = this.#model.apply(state, this.#operations[index]!.call, false);
      if (after === undefined || this.#model.keyOf(after) === key) continue;
      visit({ state: after, known, unknown: inserted(unknown, index) });
    }
  }

  /** Lets every open operation take effect that changes nothing and whose answer is right here. */
  #withUnchanging(configuration: Configuration<State>): Configuration<State> {
    let { known } = configuration;
    for (const index of this.#openKnown) {
      const { call } = this.#operations[index]!;
      if (known.includes(index) || !this.#model.changesNothing(call)) continue;
      if (this.#model.apply(configuration.state, call, true) !== undefined) known = inserted(known, index);
    }
    return { ...configuration, known };
  }

  #forgetUsedUp(): void {
    const [first, ...others] = this.#configurations;
    const everywhere = new Set(
      first!.unknown.filter((index) => others.every(({ unknown }) => unknown.includes(index))),
    );
    if (everywhere.size === 0) return;
    const isLeft = (index: number) => !everywhere.has(index);
    for (const [name, members] of this.#openUnknown) this.#openUnknown.set(name, members.filter(isLeft));
    this.#configurations = this.#configurations.map((configuration) => ({
      ...configuration,
      unknown: configuration.unknown.filter(isLeft),
    }));
  }
}

/** A set of configurations without those that another one makes superfluous. */
class MinimalConfigurations<State> {
  readonly #keyOf: (state: State) => string;
  readonly #groups = new Map<string, Configuration<State>[]>();

  constructor(model: { keyOf(state: State): string }) {
    this.#keyOf = (state) => model.keyOf(state);
  }

  /** false when the set has this configuration, or one that can do everything it can. */
  add(configuration: Configuration<State>): boolean {
    const key = `${this.#keyOf(configuration.state)}|${configuration.known.join()}`;
    const group = this.#groups.get(key) ?? [];
    if (group.some(({ unknown }) => isSubset(unknown, configuration.unknown))) return false;
    const kept = group.filter(({ unknown }) => !isSubset(configuration.unknown, unknown));
    kept.push(configuration);
    this.#groups.set(key, kept);
    return true;
  }

  all(): Configuration<State>[] {
    return [...this.#groups.values()].flat();
  }
}

function inserted(numbers: readonly number[], number: number): number[] {
  return [...numbers, number].sort((a, b) => a - b);
}

function isSubset(smaller: readonly number[], larger: readonly number[]): boolean {
  return smaller.length <= larger.length && smaller.every((index) => larger.includes(index));
}
