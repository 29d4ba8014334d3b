// Commands to the register of one part of a multipart upload. What a newer upload of the same number supersedes stays owned
// until the upload's fate is settled, because a completion under way may have chosen it.
import type { Command, Outcome } from '../format/object-command-formats.ts';
import type { PartRecord } from '../format/object-formats.ts';
import { clearCondemned, condemn, mendBlob, mendContent } from './blob-ownership.ts';
import { keep, type RegisterDecision, write, wrongKind } from './decision.ts';
import { blobIds, partBlobs, writePart } from './object-record.ts';

/** Uploads of one part number within one multipart upload. */
export const SUPERSEDED_MAX = 1000;

const EMPTY_PART = { part: null, superseded: [], condemned: [], banned: [] };

export function decidePart(record: PartRecord | null, command: Command): RegisterDecision {
  const refuse = (outcome: Outcome) => keep(outcome, record?.condemned.length ?? 0);
  const become = (next: PartRecord) => write(writePart(next), next.condemned.length);
  switch (command.name) {
    case 'putPart': {
      const { objectKey, part } = command.value;
      const before = record ?? { ...EMPTY_PART, objectKey };
      const { blob } = part.content;
      const forbidden = new Set([...before.banned, ...blobIds(before.condemned)]);
      if (blob !== null && forbidden.has(blob.blobId)) return refuse('condemned');
      const superseded = partBlobs(before);
      if (superseded.length >= SUPERSEDED_MAX) return refuse('full');
      return become({ ...before, part, superseded });
    }
    case 'removePart': {
      if (record === null || (record.part === null && record.superseded.length === 0)) return refuse('ok');
      const kept = new Set(command.value.kept);
      const dropped = partBlobs(record).filter(({ blobId }) => !kept.has(blobId));
      return become({ ...record, part: null, superseded: [], condemned: [...record.condemned, ...dropped] });
    }
    case 'condemn': {
      const before = record ?? { ...EMPTY_PART, objectKey: command.value.objectKey };
      return condemn(before, blobIds(partBlobs(before)), command.value.blob, writePart);
    }
    case 'clearCondemned':
      return record === null ? refuse('ok') : clearCondemned(record, command.value.blobIds, writePart);
    case 'forgetBans':
      // What nobody can complete any more may own anything again: it will only be removed.
      if (record === null || record.banned.length === 0) return refuse('ok');
      if (partBlobs(record).length + record.condemned.length > 0 || record.part !== null) return refuse('owned');
      return become({ ...record, banned: [] });
    case 'clearDisplaced': {
      if (record === null || !blobIds(partBlobs(record)).has(command.value.blobId)) return refuse('absent');
      const { part, superseded } = record;
      return become({
        ...record,
        part: part === null ? null : { ...part, content: mendContent(part.content, command.value) },
        superseded: superseded.map((blob) => mendBlob(blob, command.value)),
      });
    }
    default:
      throw wrongKind(command, 'a part');
  }
}
