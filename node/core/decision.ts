// What deciding a command gives, and the few ways to build it. A command writes only where its outcome is 'ok': so when a reply
// is lost, what it was is known all the same.

import { FormatError } from '../format/codec.ts';
import { type Command, encodeReply, type Outcome } from '../format/object-command-formats.ts';
import type { Written } from './object-record.ts';

/** As Decision of the register layer. */
export type RegisterDecision =
  | { readonly kind: 'write'; readonly payload: Uint8Array; readonly live: boolean; readonly reply: Uint8Array }
  | { readonly kind: 'keep'; readonly reply: Uint8Array };

const NOTHING = new Uint8Array();

export function keep(outcome: Outcome, condemnedCount = 0, found: Uint8Array = NOTHING): RegisterDecision {
  return { kind: 'keep', reply: encodeReply({ outcome, condemnedCount, found }) };
}

export function write({ payload, live }: Written, condemnedCount = 0, found: Uint8Array = NOTHING): RegisterDecision {
  return { kind: 'write', payload, live, reply: encodeReply({ outcome: 'ok', condemnedCount, found }) };
}

export function wrongKind(command: Command, kind: string): FormatError {
  return new FormatError(`command ${command.name} is not for ${kind}`);
}
