// What a replica keeps as the head of a register record: enough for comparisons and listings, so that they need not read values.
import type { RegisterKey } from '../core/keys.ts';
import { FormatError } from '../format/codec.ts';
import { type RegisterRecord, registerHead } from '../format/register-formats.ts';
import type { Summarize } from './registers.ts';

/** Longer summaries would bloat the index; they are made from the record when they are asked for. */
const SUMMARY_BYTES_MAX = 1_024;
const NOTHING = new Uint8Array();

export function headOf(key: RegisterKey, { version, value }: RegisterRecord, summarize: Summarize): Uint8Array {
  const summary = value.live ? shortSummary(key, value.payload, summarize) : NOTHING;
  return registerHead.encode({ version, live: value.live, summary });
}

/** null: it is missing, or cannot be read. Every record has one, so its record counts as damaged. */
export function readHead(head: Uint8Array | null): ReturnType<typeof registerHead.decode> | null {
  try {
    return head && registerHead.decode(head);
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}

/** null: too long, or of a payload that this program does not understand; it is accepted all the same. */
function shortSummary(key: RegisterKey, payload: Uint8Array, summarize: Summarize): Uint8Array | null {
  try {
    const summary = summarize(key, payload);
    return summary.length > SUMMARY_BYTES_MAX ? null : summary;
  } catch (error) {
    if (error instanceof FormatError) return null;
    throw error;
  }
}
