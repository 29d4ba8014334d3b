// Commands to the register of a multipart upload: what a listing of uploads shows. Whether the upload can still be completed is
// not decided here but in the object's register.
import type { Command } from '../format/object-command-formats.ts';
import { keep, type RegisterDecision, write, wrongKind } from './decision.ts';
import type { StoredState } from './object-record.ts';

export function decideUpload(current: StoredState, command: Command): RegisterDecision {
  switch (command.name) {
    case 'putUpload':
      return current.live ? keep('exists') : write({ payload: command.value.record, live: true });
    case 'remove':
      return current.live ? write({ payload: new Uint8Array(), live: false }) : keep('ok');
    default:
      throw wrongKind(command, 'an upload');
  }
}
