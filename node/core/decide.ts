// Decides what a command does to a register: the one function that the proposers of all registers run. Conditions, ownership of
// blobs and the life of uploads and buckets are settled here, atomically with the write.

import { FormatError } from '../format/codec.ts';
import { decodeCommand } from '../format/object-command-formats.ts';
import { decideBucket } from './bucket-commands.ts';
import type { RegisterDecision } from './decision.ts';
import { KIND, type RegisterKey } from './keys.ts';
import { decideMap } from './map-commands.ts';
import { decideObject } from './object-commands.ts';
import { readObject, readPart, type StoredState } from './object-record.ts';
import { decidePart } from './part-commands.ts';
import { decideUpload } from './upload-commands.ts';

/** As Decide of the register layer. Throws FormatError for bytes that are no command, and for commands to the wrong kind of key. */
export function decide(key: RegisterKey, current: StoredState, commandBytes: Uint8Array): RegisterDecision {
  const command = decodeCommand(commandBytes);
  switch (key[0]) {
    case KIND.object:
      return decideObject(readObject(current), command);
    case KIND.part:
      return decidePart(readPart(current), command);
    case KIND.upload:
      return decideUpload(current, command);
    case KIND.bucket:
      return decideBucket(current, command);
    case KIND.map:
    case KIND.generation:
      return decideMap(current, command);
    default:
      throw new FormatError(`no kind of register starts with "${key[0]}"`);
  }
}
