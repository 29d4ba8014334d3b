// Commands to a bucket's register. A deletion has two steps, so that what was written in between stops it: any write to the
// bucket that meets a deletion cancels it, and then the second step is refused.
import type { Command } from '../format/object-command-formats.ts';
import { bucketRecord } from '../format/object-formats.ts';
import { keep, type RegisterDecision, write, wrongKind } from './decision.ts';
import { readBucket, type StoredState } from './object-record.ts';

export function decideBucket(current: StoredState, command: Command): RegisterDecision {
  const record = readBucket(current);
  const found = current.payload ?? new Uint8Array();
  const become = (next: NonNullable<typeof record>) => {
    const payload = bucketRecord.encode(next);
    return write({ payload, live: true }, 0, payload);
  };
  if (command.name === 'createBucket') {
    if (record !== null) return keep('exists', 0, found);
    const { record: payload } = command.value;
    bucketRecord.decode(payload);
    return write({ payload, live: true }, 0, payload);
  }
  switch (command.name) {
    case 'beginBucketDeletion':
      if (record?.id !== command.value.id) return keep('absent');
      return become({ ...record, deletion: command.value.deletion });
    case 'cancelBucketDeletion': {
      if (record?.id !== command.value.id) return keep('absent');
      if (record.deletion === null) return keep('ok', 0, found);
      const { deletion } = command.value;
      if (deletion !== null && deletion !== record.deletion) return keep('conflict', 0, found);
      return become({ ...record, deletion: null });
    }
    case 'removeBucket':
      if (record?.id !== command.value.id) return keep('absent');
      if (record.deletion !== command.value.deletion) return keep('conflict', 0, found);
      return write({ payload: new Uint8Array(), live: false });
    default:
      throw wrongKind(command, 'a bucket');
  }
}
