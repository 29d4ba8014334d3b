// Finds shards that no register owns: what a write left behind that was cut short before its commit point, or whose cleaning up
// did not reach every drive. It deletes nothing. A blob that stays unowned is handed to the register that would own it, which
// condemns it first: from then on no late write can make it owned, and only then are its shards collected. So haste here would
// cost a slow writer its upload, and never anybody an object.
import { KIND, parseObjectKey, type RegisterKey } from '../core/keys.ts';
import { blobIds, objectBlobs, partBlobs, readObject, readPart } from '../core/object-record.ts';
import type { WireShardName } from '../format/shard-formats.ts';
import { ownSlot } from './blob-ports.ts';
import type { HealQueue, ShardHint } from './heal-queue.ts';
import type { HealerOptions } from './healer-options.ts';
import { inParallel } from './in-parallel.ts';
import type { ListedShard } from './shard-client.ts';

const PAGE_SHARDS = 500;
const READS_AT_ONCE = 8;
/** Beyond so many the rest waits for the next search. */
const SUSPECTS_MAX = 10_000;

/** A blob of which no register knows. */
interface Suspect {
  readonly owners: readonly RegisterKey[];
  readonly k: number;
  readonly m: number;
  readonly blockBytes: number;
  readonly shards: ShardHint[];
}

export interface OrphanSearchOptions extends HealerOptions {
  readonly queue: HealQueue;
  /** Between two pages, so that the search is a background load. False: stop. */
  readonly pause: (durationMs: number) => Promise<boolean>;
}

const PAUSE_MS = 20;

export class OrphanSearch {
  readonly #options: OrphanSearchOptions;

  constructor(options: OrphanSearchOptions) {
    this.#options = options;
  }

  /** Looks at every shard on this node's drives. False when it was stopped. Rejects when a register cannot be read. */
  async search(): Promise<boolean> {
    const suspects = new Map<string, Suspect>();
    for (const { identity } of this.#options.drives.open()) {
      if (!(await this.#searchDrive(identity.slot, suspects))) return false;
    }
    if (suspects.size === 0) return true;
    // Whoever writes such a blob right now gets the time to finish.
    if (!(await this.#options.pause(this.#options.limits.orphanGraceMs))) return false;
    await inParallel([...suspects], READS_AT_ONCE, async ([blobId, suspect]) => {
      if (!(await this.#isKnown(blobId, suspect.owners))) this.#handOver(blobId, suspect);
    });
    return true;
  }

  async #searchDrive(slot: string, suspects: Map<string, Suspect>): Promise<boolean> {
    let after: WireShardName | null = null;
    do {
      const page: ListedShard[] = await this.#options.shards.list(slot, after, PAGE_SHARDS);
      const mine = await this.#toBeAsked(slot, page);
      await inParallel(mine, READS_AT_ONCE, async ({ name, attributes }) => {
        if (await this.#isKnown(name.blobId, attributes.owners)) return;
        const known = suspects.get(name.blobId);
        if (known === undefined && suspects.size >= SUSPECTS_MAX) return;
        const { owners, k, m, blockBytes } = attributes;
        const suspect = known ?? { owners, k, m, blockBytes, shards: [] };
        suspect.shards.push({ ...name, slot });
        suspects.set(name.blobId, suspect);
      });
      if (!(await this.#options.pause(PAUSE_MS))) return false;
      after = page.length < PAGE_SHARDS ? null : page.at(-1)!.name;
    } while (after !== null);
    return true;
  }

  /**
   * One drive asks for the whole blob: the one that holds position 0 where it belongs. The others ask for themselves when that
   * shard is not there, and for what does not belong on them.
   */
  async #toBeAsked(slot: string, page: readonly ListedShard[]): Promise<ListedShard[]> {
    const topology = this.#options.topology.current();
    const mine: ListedShard[] = [];
    const others = new Map<string, ListedShard[]>();
    for (const shard of page) {
      const { blobId, position } = shard.name;
      const first = ownSlot(topology, blobId, 0);
      const isFirst = position === 0 || ownSlot(topology, blobId, position) !== slot;
      if (isFirst || first === null || topology.drive(first)?.state !== 'up') mine.push(shard);
      else others.set(first, [...(others.get(first) ?? []), shard]);
    }
    for (const [first, shards] of others) {
      const names = shards.map(({ name }) => ({ blobId: name.blobId, position: 0 }));
      // A drive that does not answer now does not ask either.
      const sizes = await this.#options.shards.stat(first, names).catch(() => names.map(() => null));
      mine.push(...shards.filter((_, at) => sizes[at] === null));
    }
    return mine;
  }

  /** Some register owns the blob, or has condemned it and has yet to collect it. */
  async #isKnown(blobId: string, owners: readonly RegisterKey[]): Promise<boolean> {
    // In the order in which ownership moves, so that it cannot slip through between two looks.
    for (const owner of owners) {
      const { payload } = await this.#options.registers.read(owner);
      if (blobIds(blobsIn(owner, payload)).has(blobId)) return true;
    }
    return owners.length === 0;
  }

  #handOver(blobId: string, { owners, k, m, blockBytes, shards }: Suspect): void {
    const { queue, log } = this.#options;
    const objectOwner = owners.at(-1)!;
    const blob = { blobId, sizeBytes: 0, k, m, blockBytes, displaced: [] };
    const unsettled = [{ objectKey: parseObjectKey(objectOwner).key, blob }];
    log.info('Found shards that nothing owns; they are condemned and collected.', { blobId, shards: shards.length });
    queue.add(owners[0]!, { delayMs: 0, isUrgent: false, unsettled, strays: shards });
  }
}

function blobsIn(owner: RegisterKey, payload: Uint8Array | null) {
  if (owner[0] === KIND.object) {
    const record = readObject({ payload });
    return [...objectBlobs(record), ...record.condemned];
  }
  const record = readPart({ payload });
  return record === null ? [] : [...partBlobs(record), ...record.condemned];
}
