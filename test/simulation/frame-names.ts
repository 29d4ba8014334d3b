// What a frame between nodes is, for the trace.
import { MEMBERSHIP_METHODS } from '../../node/cluster/membership-methods.ts';
import { REGISTER_METHODS } from '../../node/cluster/register-methods.ts';
import { SHARD_METHODS } from '../../node/cluster/shard-methods.ts';
import { MESSAGE_HEADER_BYTES, messageHeader } from '../../node/format/rpc-formats.ts';

const NAMES = new Map(
  [REGISTER_METHODS, MEMBERSHIP_METHODS, SHARD_METHODS]
    .flatMap((methods): { id: number; name: string }[] => Object.values(methods))
    .map(({ id, name }) => [id, name]),
);
const VERBS = { request: 'asks', answer: 'answers', error: 'refuses' } as const;

/** Of a frame that a node sent: throws FormatError for anything else. */
export function frameName(frame: Buffer): string {
  const { kind, method, id } = messageHeader.decode(frame.subarray(0, MESSAGE_HEADER_BYTES));
  return `${VERBS[kind]} ${NAMES.get(method) ?? `method ${method}`} #${id} (${frame.length} bytes)`;
}
