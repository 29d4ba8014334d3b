// What a frame between nodes is, for the trace: read from the header that cluster/rpc.ts writes.
import { MEMBERSHIP_METHODS } from '../../node/cluster/membership-methods.ts';
import { REGISTER_METHODS } from '../../node/cluster/register-methods.ts';
import { SHARD_METHODS } from '../../node/cluster/shard-methods.ts';

const NAMES = new Map(
  [REGISTER_METHODS, MEMBERSHIP_METHODS, SHARD_METHODS]
    .flatMap((methods): { id: number; name: string }[] => Object.values(methods))
    .map(({ id, name }) => [id, name]),
);
const TYPES = ['asks', 'answers', 'refuses'];

export function frameName(frame: Buffer): string {
  if (frame.length < 8) return `${frame.length} bytes`;
  const methodId = frame.readUInt16LE(2);
  const name = NAMES.get(methodId) ?? `method ${methodId}`;
  return `${TYPES[frame[0]!] ?? 'sends'} ${name} #${frame.readUInt32LE(4)} (${frame.length} bytes)`;
}
