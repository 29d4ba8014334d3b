// Mends everything about one register: settles what an unanswered write left open, cleans up after uploads, brings shards to
// where they belong and deletes those of condemned blobs.
import { KIND, objectKey, parseObjectKey, parsePartKey, type RegisterKey } from '../core/keys.ts';
import { blobIds, objectBlobs, partBlobs, readObject, readPart } from '../core/object-record.ts';
import type { BlobRef, ObjectRecord, PartRecord } from '../format/object-formats.ts';
import type { BlobMender } from './blob-mender.ts';
import type { CondemnedShards } from './condemned-shards.ts';
import type { MendHints, MendOutcome } from './heal-queue.ts';
import { changeRegister, readRegister, type StoreContext } from './store-context.ts';
import { cleanUpUploads } from './upload-cleanup.ts';

export type MenderPorts = Pick<StoreContext, 'registers' | 'healing' | 'clock' | 'limits'>;

/** What a register owns and what it has condemned. */
interface Holdings {
  readonly owners: readonly RegisterKey[];
  readonly blobs: readonly BlobRef[];
  readonly condemned: readonly BlobRef[];
}

export class RegisterMender {
  readonly #ports: MenderPorts;
  readonly #blobs: BlobMender;
  readonly #condemned: CondemnedShards;

  constructor(ports: MenderPorts, blobs: BlobMender, condemned: CondemnedShards) {
    this.#ports = ports;
    this.#blobs = blobs;
    this.#condemned = condemned;
  }

  /** Rejects with the first thing that could not be done, after everything else was. */
  async mend(key: RegisterKey, hints: MendHints): Promise<MendOutcome> {
    for (const { objectKey: ownerKey, blob } of hints.unsettled) {
      // From now on a late write cannot make the register own it; unless it does already, it is garbage.
      await changeRegister(this.#ports, key, 'condemn', { objectKey: ownerKey, blob });
    }
    const holdings = key[0] === KIND.part ? await this.#settlePart(key) : await this.#settleObject(key);
    const mended = await this.#mendBlobs(key, holdings, hints).then(
      () => null,
      (error: unknown) => ({ error }),
    );
    const { goneIds, againAfterMs } = await this.#condemned.collect(holdings.condemned, hints.strays);
    if (goneIds.length > 0) await changeRegister(this.#ports, key, 'clearCondemned', { blobIds: [...goneIds] });
    if (mended !== null) throw mended.error;
    if (key[0] === KIND.part && againAfterMs === null) await this.#forgetBans(key);
    return { againAfterMs };
  }

  async #mendBlobs(key: RegisterKey, { owners, blobs }: Holdings, hints: MendHints): Promise<void> {
    const owns = async (blobId: string) => blobIds(await this.#ownedNow(key)).has(blobId);
    const settle = async (blobId: string, positions: number[]) => {
      await changeRegister(this.#ports, key, 'clearDisplaced', { blobId, positions });
    };
    await this.#blobs.mend({ owners, blobs, owns, settle }, hints);
  }

  async #ownedNow(key: RegisterKey): Promise<BlobRef[]> {
    if (key[0] === KIND.part) {
      const record = await this.#readPart(key);
      return record === null ? [] : partBlobs(record);
    }
    return objectBlobs(await this.#readObject(key));
  }

  async #settleObject(key: RegisterKey): Promise<Holdings> {
    const { uploads } = await this.#readObject(key);
    await cleanUpUploads(this.#ports, { register: key, ...parseObjectKey(key), uploads });
    const record = await this.#readObject(key);
    return { owners: [key], blobs: objectBlobs(record), condemned: record.condemned };
  }

  /**
   * A part whose upload is no longer known to the object's register came too late: all parts that the object took over were
   * removed before the entry was. What the object owns is never deleted from here, whatever the part's register says.
   */
  async #settlePart(key: RegisterKey): Promise<Holdings> {
    const record = await this.#readPart(key);
    if (record === null) return { owners: [key], blobs: [], condemned: [] };
    const { bucketId, uploadId } = parsePartKey(key);
    const ownerKey = objectKey(bucketId, record.objectKey);
    const object = await this.#readObject(ownerKey);
    const entry = object.uploads.find((upload) => upload.uploadId === uploadId);
    if (entry?.state !== 'open' && partBlobs(record).length + (record.part === null ? 0 : 1) > 0) {
      const kept = (entry?.kept ?? []).map(({ blobId }) => blobId);
      await changeRegister(this.#ports, key, 'removePart', { kept });
      return this.#settlePart(key);
    }
    const owned = blobIds(objectBlobs(object));
    const moved = record.condemned.filter(({ blobId }) => owned.has(blobId)).map(({ blobId }) => blobId);
    if (moved.length > 0) await changeRegister(this.#ports, key, 'clearCondemned', { blobIds: moved });
    const condemned = record.condemned.filter(({ blobId }) => !owned.has(blobId));
    return { owners: [key, ownerKey], blobs: partBlobs(record), condemned };
  }

  /** A part whose upload can no longer be completed has nothing to guard against. */
  async #forgetBans(key: RegisterKey): Promise<void> {
    const record = await this.#readPart(key);
    if (record === null || record.banned.length === 0) return;
    const { bucketId, uploadId } = parsePartKey(key);
    const { uploads } = await this.#readObject(objectKey(bucketId, record.objectKey));
    if (uploads.some((entry) => entry.uploadId === uploadId && entry.state === 'open')) return;
    await changeRegister(this.#ports, key, 'forgetBans', {});
  }

  async #readObject(key: RegisterKey): Promise<ObjectRecord> {
    return readObject(await readRegister(this.#ports, key));
  }

  async #readPart(key: RegisterKey): Promise<PartRecord | null> {
    return readPart(await readRegister(this.#ports, key));
  }
}
