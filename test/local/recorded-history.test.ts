// The judgement of histories that were recorded outside a real cluster: true ones pass, and every kind of lie is found.
import { describe, expect, it } from 'vitest';
import { withoutDeletion, withStaleRead } from '../e2e/traffic/doctored-history.ts';
import { judge, type RecordedOperation } from '../e2e/traffic/recorded-history.ts';
import type { Condition, WriteAnswer } from '../simulation/checkers/object-model.ts';
import { UNCONDITIONAL } from '../simulation/checkers/object-model.ts';

const NEW: Condition = { kind: 'if-none-match-any' };

/** Two processes on one object; the second's clock is the same one. */
const TRUE_HISTORY: readonly RecordedOperation[] = [
  put('c1', 'v1', 100, 200, NEW),
  put('c2', 'v2', 150, 260, NEW, 'precondition-failed'),
  get('c2', 'v1', 270, 300),
  put('c2', 'v2b', 310, 400, { kind: 'if-match', value: 'v1' }),
  list('c1', 410, 450, [['x', 'etag of v2b']]),
  remove('c1', 460, 500),
  get('c2', null, 510, 520),
  list('c2', 530, 540, []),
  put('c1', 'v3', 550, null),
  get('c2', null, 560, 570),
  get('c2', 'v3', 580, 590),
];

describe('judge', () => {
  it('accepts a history in which writes of unknown outcome show up late', () => {
    expect(judge(TRUE_HISTORY)).toEqual([]);
  });

  it('does not depend on the order in which the processes left their records', () => {
    expect(judge(TRUE_HISTORY.toReversed())).toEqual([]);
  });

  it('refuses an acknowledged write that a later read does not see', () => {
    expectRefused(replace(2, get('c2', null, 270, 300)), 'get -> absent');
  });

  it('refuses two writes that both were the first', () => {
    expectRefused(replace(1, put('c2', 'v2', 150, 260, NEW)), 'put v2');
  });

  it('refuses a conditional write that matched what was gone already', () => {
    expectRefused(replace(3, put('c2', 'v2b', 310, 400, { kind: 'if-match', value: 'v0' })), 'put v2b');
  });

  it('refuses a listing without an object that was there all the time', () => {
    expectRefused(replace(4, list('c1', 410, 450, [])), 'get -> absent');
  });

  it('refuses a listing with an ETag that nobody wrote', () => {
    expectRefused(replace(4, list('c1', 410, 450, [['x', 'stranger']])), 'ETag stranger');
  });

  it('refuses a listing with an object that nobody wrote', () => {
    const other = judge(replace(7, list('c2', 530, 540, [['stranger', 'etag of v1']])));
    expect(other.join('\n')).toContain('stranger: no order explains');
  });

  it('refuses a deleted object that comes back', () => {
    expectRefused(replace(9, get('c2', 'v2b', 560, 570)), 'get -> v2b');
  });

  it('refuses a value that is seen and then not, when only its own write is of unknown outcome', () => {
    expectRefused([...TRUE_HISTORY, get('c1', null, 600, 610)], 'get -> absent');
  });

  it('refuses to judge puts that cannot be told apart', () => {
    expect(judge([put('c1', 'v1', 1, 2), put('c2', 'v1', 3, 4)])).toEqual(['two puts wrote the same value v1']);
  });
});

describe('a doctored history', () => {
  it('with a stale read is refused', () => {
    expect(judge(withStaleRead(TRUE_HISTORY)!)).toHaveLength(1);
  });

  it('with a deletion left out is refused', () => {
    expect(judge(withoutDeletion(TRUE_HISTORY)!)).toHaveLength(1);
  });

  it('cannot be made where nothing was overwritten or deleted', () => {
    const plain = [put('c1', 'v1', 1, 2), get('c1', 'v1', 3, 4)];
    expect([withStaleRead(plain), withoutDeletion(plain)]).toEqual([null, null]);
  });
});

function expectRefused(history: readonly RecordedOperation[], culprit: string): void {
  const [violation, ...others] = judge(history);
  expect(others).toEqual([]);
  expect(violation?.split('\n')[0]).toContain(culprit);
}

function replace(index: number, operation: RecordedOperation): RecordedOperation[] {
  return TRUE_HISTORY.with(index, operation);
}

function put(
  client: string,
  value: string,
  startedNs: number,
  endedNs: number | null,
  condition: Condition = UNCONDITIONAL,
  answer: WriteAnswer = 'done',
): RecordedOperation {
  const call = { kind: 'put' as const, value, condition, answer };
  return { kind: 'call', client, object: 'x', startedNs, endedNs, call, etag: `etag of ${value}` };
}

function remove(client: string, startedNs: number, endedNs: number): RecordedOperation {
  const call = { kind: 'delete' as const, condition: UNCONDITIONAL, answer: 'done' as const };
  return { kind: 'call', client, object: 'x', startedNs, endedNs, call, etag: null };
}

function get(client: string, answer: string | null, startedNs: number, endedNs: number): RecordedOperation {
  return { kind: 'call', client, object: 'x', startedNs, endedNs, call: { kind: 'get', answer }, etag: null };
}

function list(client: string, startedNs: number, endedNs: number, entries: [string, string][]): RecordedOperation {
  return { kind: 'list', client, prefix: '', startedNs, endedNs, entries };
}
