// What clients asked of a running cluster and were told, with the moments on the machine's one monotonic clock, so that records
// of several processes can be put in one order; and the judgement, which is that of the simulation's own checker.
import { History, type OpenOperation } from '../../simulation/checkers/history.ts';
import type { ObjectCall } from '../../simulation/checkers/object-model.ts';

export type RecordedOperation = RecordedCall | RecordedList;

interface Recorded {
  readonly client: string;
  /** CLOCK_MONOTONIC, the same for all processes of the machine. */
  readonly startedNs: number;
}

export interface RecordedCall extends Recorded {
  readonly kind: 'call';
  readonly object: string;
  /** null: no answer, or one that does not say what happened. */
  readonly endedNs: number | null;
  readonly call: ObjectCall;
  /** Of the body that a put writes, else null. */
  readonly etag: string | null;
}

export interface RecordedList extends Recorded {
  readonly kind: 'list';
  readonly endedNs: number;
  readonly prefix: string;
  /** Object and ETag. */
  readonly entries: readonly (readonly [string, string])[];
}

export function nowNs(): number {
  return Number(process.hrtime.bigint());
}

/** What no order of the operations explains, a readable account each; empty when the history is linearizable. */
export function judge(operations: readonly RecordedOperation[]): string[] {
  const { labels, objects, duplicates } = inventory(operations);
  const history = new History();
  const steps = operations.flatMap((operation) => stepsOf(operation, history, labels, objects));
  // Of two at the same moment the call counts as first: then they overlap, and more orders are possible.
  steps.sort((a, b) => a.atNs - b.atNs || Number(a.isReturn) - Number(b.isReturn));
  for (const { run } of steps) run();
  return [...duplicates, ...history.violations()];
}

interface Step {
  readonly atNs: number;
  readonly isReturn: boolean;
  readonly run: () => void;
}

function stepsOf(
  operation: RecordedOperation,
  history: History,
  labels: ReadonlyMap<string, string>,
  objects: readonly string[],
): Step[] {
  const { client, startedNs, endedNs } = operation;
  if (operation.kind === 'list') {
    let mark: number;
    const listed = new Map(operation.entries.map(([object, etag]) => [object, labels.get(etag) ?? `ETag ${etag}`]));
    const covered = new Set([...listed.keys(), ...objects.filter((object) => object.startsWith(operation.prefix))]);
    return [
      step(startedNs, false, () => {
        mark = history.mark();
      }),
      step(operation.endedNs, true, () => {
        for (const object of covered) history.observed(client, object, mark, listed.get(object) ?? null);
      }),
    ];
  }
  let open: OpenOperation;
  const steps = [
    step(startedNs, false, () => {
      open = history.call(client, operation.object, operation.call);
    }),
  ];
  if (endedNs !== null) steps.push(step(endedNs, true, () => open.returned(operation.call)));
  return steps;
}

function step(atNs: number, isReturn: boolean, run: () => void): Step {
  return { atNs, isReturn, run };
}

function inventory(operations: readonly RecordedOperation[]) {
  /** By ETag. */
  const labels = new Map<string, string>();
  const objects = new Set<string>();
  const duplicates: string[] = [];
  for (const operation of operations) {
    if (operation.kind === 'list') continue;
    objects.add(operation.object);
    const { call, etag } = operation;
    if (call.kind !== 'put' || etag === null) continue;
    // The judgement rests on every put writing what no other put writes.
    if (labels.has(etag)) duplicates.push(`two puts wrote the same value ${call.value}`);
    labels.set(etag, call.value);
  }
  return { labels, objects: [...objects], duplicates };
}
