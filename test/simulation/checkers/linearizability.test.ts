import { describe, expect, it } from 'vitest';
import { SimRandom } from '../sim-random.ts';
import { checkLinearizable, type Model, type Operation } from './linearizability.ts';
import {
  type Condition,
  conditionHolds,
  type ObjectCall,
  type ObjectState,
  objectModel,
  UNCONDITIONAL,
  withUnobservedValuesJoined,
} from './object-model.ts';

const IF_NONE_MATCH: Condition = { kind: 'if-none-match-any' };
const ifMatch = (value: string): Condition => ({ kind: 'if-match', value });
const put = (value: string, condition = UNCONDITIONAL): ObjectCall => ({
  kind: 'put',
  value,
  condition,
  answer: 'done',
});
const putFails = (value: string, condition: Condition): ObjectCall => ({
  kind: 'put',
  value,
  condition,
  answer: 'precondition-failed',
});
const get = (answer: ObjectState): ObjectCall => ({ kind: 'get', answer });
const remove = (): ObjectCall => ({ kind: 'delete', condition: UNCONDITIONAL, answer: 'done' });

const judge = (operations: readonly Operation<ObjectCall>[]) =>
  checkLinearizable(objectModel, withUnobservedValuesJoined(operations));

/** One row per client: "call at … return at". null: no answer. */
type Row = readonly [calledAt: number, returnedAt: number | null, call: ObjectCall];

const check = (rows: readonly Row[]) =>
  judge(rows.map(([calledAt, returnedAt, call]) => ({ calledAt, returnedAt, call })));

describe('histories that must pass', () => {
  const cases: Record<string, Row[]> = {
    'nothing at all': [],
    'an absent object is absent': [[1, 2, get(null)]],
    'reads see the last write': [
      [1, 2, put('x')],
      [3, 4, get('x')],
      [5, 6, put('y')],
      [7, 8, get('y')],
    ],
    'a read during a write sees before or after': [
      [1, 6, put('x')],
      [2, 3, get(null)],
      [4, 5, get('x')],
    ],
    'overlapping writes in either order': [
      [1, 4, put('x')],
      [2, 3, put('y')],
      [5, 6, get('x')],
    ],
    'an unknown write that never happened': [
      [1, null, put('x')],
      [2, 3, get(null)],
      [4, 5, get(null)],
    ],
    'an unknown write that happened much later': [
      [1, null, put('x')],
      [2, 3, put('y')],
      [4, 5, get('y')],
      [6, 7, get('x')],
    ],
    'an unknown delete between two reads': [
      [1, 2, put('x')],
      [3, null, remove()],
      [4, 5, get('x')],
      [6, 7, get(null)],
    ],
    'a create fails because an unknown create happened and was deleted afterwards': [
      [1, null, put('x', IF_NONE_MATCH)],
      [2, 3, putFails('y', IF_NONE_MATCH)],
      [4, 5, remove()],
      [6, 7, get(null)],
    ],
    'one of two creates at a time wins': [
      [1, 4, put('x', IF_NONE_MATCH)],
      [2, 3, putFails('y', IF_NONE_MATCH)],
      [5, 6, get('x')],
    ],
    'if-match on an absent object says no such key': [
      [1, 2, { kind: 'put', value: 'y', condition: ifMatch('x'), answer: 'no-such-key' }],
    ],
    'a chain of if-match writes': [
      [1, 2, put('x')],
      [3, 4, put('y', ifMatch('x'))],
      [5, 6, putFails('z', ifMatch('x'))],
      [7, 8, get('y')],
    ],
    'deleting what is absent': [
      [1, 2, remove()],
      [3, 4, get(null)],
    ],
  };
  for (const [name, rows] of Object.entries(cases)) {
    it(name, () => expect(check(rows)).toMatchObject({ ok: true }));
  }
});

describe('histories that must fail', () => {
  const cases: Record<string, Row[]> = {
    'a read of what nobody wrote': [[1, 2, get('x')]],
    'a lost write': [
      [1, 2, put('x')],
      [3, 4, get(null)],
    ],
    'a stale read after a newer one': [
      [1, 2, put('x')],
      [3, 8, put('y')],
      [4, 5, get('y')],
      [6, 7, get('x')],
    ],
    'a deleted object comes back': [
      [1, 2, put('x')],
      [3, 4, remove()],
      [5, 6, get(null)],
      [7, 8, get('x')],
    ],
    'an unknown write is seen, then not, then again': [
      [1, 2, put('y')],
      [3, null, put('x')],
      [4, 5, get('x')],
      [6, 7, get('y')],
    ],
    'two creates both win': [
      [1, 4, put('x', IF_NONE_MATCH)],
      [2, 3, put('y', IF_NONE_MATCH)],
    ],
    'a create fails although the object is absent': [[1, 2, putFails('x', IF_NONE_MATCH)]],
    'two writers replace the same value': [
      [1, 2, put('x')],
      [3, 6, put('y', ifMatch('x'))],
      [4, 5, put('z', ifMatch('x'))],
    ],
    'a failed write takes effect': [
      [1, 2, put('x')],
      [3, 4, putFails('y', ifMatch('w'))],
      [5, 6, get('y')],
    ],
    'a write takes effect before it was called': [
      [1, 2, get('x')],
      [3, 4, put('x')],
    ],
    'an unknown write takes effect twice': [
      [1, null, put('x')],
      [2, 3, get('x')],
      [4, 5, put('y')],
      [6, 7, get('y')],
      [8, 9, get('x')],
    ],
  };
  for (const [name, rows] of Object.entries(cases)) {
    it(name, () => expect(check(rows)).toMatchObject({ ok: false }));
  }

  it('names the operation that nothing explains, and what the object could have been', () => {
    const verdict = check([
      [1, 2, put('x')],
      [3, null, put('y')],
      [4, 5, get(null)],
      [6, 7, get('x')],
    ]);
    expect(verdict).toMatchObject({
      ok: false,
      culprit: { calledAt: 4 },
      open: [{ calledAt: 3 }],
      possibleStates: ['x'],
    });
  });
});

describe('the checker agrees with a deliberately dumb one', () => {
  it('on thousands of small random histories, right and wrong', () => {
    const random = new SimRandom('histories');
    let rightCount = 0;
    let wrongCount = 0;
    for (let round = 0; round < 4_000; round++) {
      const operations = randomHistory(random);
      const dumb = tryEveryOrder(objectModel, operations);
      expect(judge(operations).ok, JSON.stringify(operations)).toBe(dumb);
      if (dumb) rightCount++;
      else wrongCount++;
    }
    // Both verdicts are well represented, so neither checker can pass by always saying the same.
    expect(rightCount).toBeGreaterThan(400);
    expect(wrongCount).toBeGreaterThan(400);
  });
});

describe('the checker on long histories', () => {
  it('keeps few configurations even with hundreds of unknown outcomes', () => {
    const random = new SimRandom('long');
    const operations = simulatedHistory(random, 1_500, 8);
    expect(operations.filter(({ returnedAt }) => returnedAt === null).length).toBeGreaterThan(80);
    const verdict = judge(operations);
    expect(verdict.ok).toBe(true);
    if (verdict.ok) expect(verdict.configurationsMax).toBeLessThan(5_000);
  });

  it('finds a single wrong answer in a long right history', () => {
    const operations = simulatedHistory(new SimRandom('one lie'), 1_000, 6);
    const reads = operations.filter(
      ({ call, returnedAt }) => call.kind === 'get' && call.answer !== null && returnedAt,
    );
    const lie = reads[Math.floor(reads.length / 2)]!;
    const told = operations.map((operation) =>
      operation === lie ? { ...operation, call: get('never-written') } : operation,
    );
    const verdict = judge(told);
    expect(verdict).toMatchObject({ ok: false, culprit: { calledAt: lie.calledAt } });
  });
});

/** Up to six operations at random times with random answers: most are wrong, many are right. */
function randomHistory(random: SimRandom): Operation<ObjectCall>[] {
  const count = 1 + random.below(6);
  const moments = random.shuffled(Array.from({ length: count * 2 }, (_, index) => index));
  return Array.from({ length: count }, (_, index) => {
    const [a, b] = [moments[index * 2]!, moments[index * 2 + 1]!];
    return {
      calledAt: Math.min(a, b),
      returnedAt: random.chance(0.2) ? null : Math.max(a, b),
      call: randomCall(random, `v${index}`),
    };
  });
}

function randomCall(random: SimRandom, value: string): ObjectCall {
  const condition = random.pick([UNCONDITIONAL, UNCONDITIONAL, IF_NONE_MATCH, ifMatch(`v${random.below(3)}`)]);
  const answer =
    condition.kind === 'none' || random.chance(0.5)
      ? 'done'
      : random.pick(['precondition-failed', 'no-such-key'] as const);
  switch (random.below(4)) {
    case 0:
      return { kind: 'delete', condition, answer };
    case 1:
      return { kind: 'put', value, condition, answer };
    default:
      return get(random.pick([null, 'v0', 'v1', 'v2']));
  }
}

function tryEveryOrder<State, Call>(model: Model<State, Call>, operations: readonly Operation<Call>[]): boolean {
  const search = (state: State, left: readonly Operation<Call>[]): boolean => {
    if (left.every(({ returnedAt }) => returnedAt === null)) return true;
    const firstReturn = Math.min(...left.map(({ returnedAt }) => returnedAt ?? Number.POSITIVE_INFINITY));
    return left.some((operation) => {
      if (operation.calledAt > firstReturn) return false;
      const after = model.apply(state, operation.call, operation.returnedAt !== null);
      return (
        after !== undefined &&
        search(
          after,
          left.filter((other) => other !== operation),
        )
      );
    });
  };
  return search(model.initial, operations);
}

/** What clients of a correct store would see: every operation takes effect at one moment between its call and its return. */
function simulatedHistory(random: SimRandom, count: number, clientCount: number): Operation<ObjectCall>[] {
  const operations: Operation<ObjectCall>[] = [];
  const busy = new Map<number, { calledAt: number; call: ObjectCall | null; plan: ObjectCall }>();
  let state: ObjectState = null;
  for (let moment = 1; operations.length < count; moment++) {
    const client = random.below(clientCount);
    const current = busy.get(client);
    if (current === undefined) {
      const condition = random.pick([UNCONDITIONAL, IF_NONE_MATCH, ifMatch(state ?? 'nothing')]);
      const plan = random.pick<ObjectCall>([get(null), { ...put(`v${moment}`), condition } as ObjectCall, remove()]);
      busy.set(client, { calledAt: moment, call: null, plan });
    } else if (current.call === null) {
      current.call = answered(current.plan, state);
      if (current.call.kind !== 'get' && current.call.answer === 'done') {
        state = current.call.kind === 'put' ? current.call.value : null;
      }
    } else {
      const isUnknown = current.call.kind !== 'get' && random.chance(0.1);
      operations.push({ calledAt: current.calledAt, returnedAt: isUnknown ? null : moment, call: current.call });
      busy.delete(client);
    }
  }
  return operations;
}

function answered(plan: ObjectCall, state: ObjectState): ObjectCall {
  if (plan.kind === 'get') return get(state);
  return { ...plan, answer: conditionHolds(plan.condition, state) ? 'done' : 'precondition-failed' };
}
