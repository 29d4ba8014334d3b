// The cluster map's register: compare and set by epoch. The map itself is opaque here. The register of the cluster's generation
// is of the same kind, without a map: its epoch is the generation.
import { type Command, decodeReply, encodeCommand } from '../format/object-command-formats.ts';
import { type MapRecord, mapRecord } from '../format/object-formats.ts';
import { keep, type RegisterDecision, write, wrongKind } from './decision.ts';
import type { StoredState } from './object-record.ts';

/** Makes this the map of epoch expectedEpoch + 1. expectedEpoch 0: there is no map yet. */
export function setMapCommand(expectedEpoch: number, map: Uint8Array): Buffer {
  return encodeCommand('setMap', { expectedEpoch, map });
}

/**
 * isSet false: another map was there, which is `current`. current is null where nothing is known of it (there is none, or the
 * change was carried out and its reply lost).
 */
export function readSetMapReply(reply: Uint8Array): { isSet: boolean; current: MapRecord | null } {
  const { outcome, found } = decodeReply(reply);
  return { isSet: outcome === 'ok', current: found.length === 0 ? null : mapRecord.decode(found) };
}

/** null: no map was ever agreed. */
export function readMap({ payload }: Pick<StoredState, 'payload'>): MapRecord | null {
  // Empty: only an attempt to change it was recorded.
  return payload === null || payload.length === 0 ? null : mapRecord.decode(payload);
}

export function decideMap(current: StoredState, command: Command): RegisterDecision {
  if (command.name !== 'setMap') throw wrongKind(command, 'the cluster map');
  const { expectedEpoch, map } = command.value;
  const epoch = readMap(current)?.epoch ?? 0;
  if (epoch !== expectedEpoch) return keep('conflict', 0, current.payload ?? new Uint8Array());
  const payload = mapRecord.encode({ epoch: epoch + 1, map });
  return write({ payload, live: true }, 0, payload);
}
