// Lies told about a true history, to see that the judgement notices. Each changes one answer.
import type { RecordedCall, RecordedOperation } from './recorded-history.ts';

/** One read that came after a newer write was acknowledged is made to have seen an older one. null: nothing to change. */
export function withStaleRead(operations: readonly RecordedOperation[]): RecordedOperation[] | null {
  const calls = operations.filter((operation): operation is RecordedCall => operation.kind === 'call');
  const overwritten = calls.filter(isAcknowledgedPut).flatMap((older) => {
    const newer = calls.find((other) => isAcknowledgedPut(other) && follows(other, older));
    return newer === undefined ? [] : [{ older, newer }];
  });
  for (const { older, newer } of overwritten) {
    const read = calls.find((call) => call.call.kind === 'get' && follows(call, newer));
    if (read === undefined) continue;
    const { value } = older.call as { readonly value: string };
    return operations.map((operation) =>
      operation === read ? { ...read, call: { kind: 'get', answer: value } } : operation,
    );
  }
  return null;
}

/** One deletion that was acknowledged is made never to have been asked for, though somebody saw the object gone. */
export function withoutDeletion(operations: readonly RecordedOperation[]): RecordedOperation[] | null {
  const deletion = operations.find((operation) => {
    if (operation.kind === 'list' || operation.call.kind !== 'delete' || operation.endedNs === null) return false;
    const onObject = operations.filter(
      (other): other is RecordedCall => other.kind === 'call' && other.object === operation.object,
    );
    const others = onObject.filter(({ call }) => call.kind === 'delete').length;
    const written = onObject.some((other) => isAcknowledgedPut(other) && follows(operation, other));
    const gone = onObject.some(
      (other) => other.call.kind === 'get' && other.call.answer === null && follows(other, operation),
    );
    return operation.call.answer === 'done' && others === 1 && written && gone;
  });
  return deletion === undefined ? null : operations.filter((operation) => operation !== deletion);
}

/** Whether it began on the same object after the other had ended. */
function follows(later: RecordedCall, earlier: RecordedCall): boolean {
  return later.object === earlier.object && earlier.endedNs !== null && later.startedNs > earlier.endedNs;
}

function isAcknowledgedPut({ call, endedNs }: RecordedCall): boolean {
  return call.kind === 'put' && call.answer === 'done' && endedNs !== null;
}
