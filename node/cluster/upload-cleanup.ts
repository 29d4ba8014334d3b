// What is left to do when an upload has been completed or aborted: its registers are removed, the blobs of parts that the object
// did not take over are condemned. Any node may do it, again and again, at whatever point another one died.
import { afterPrefix, partKey, partPrefix, type RegisterKey, uploadKey } from '../core/keys.ts';
import type { UploadEntry } from '../format/object-formats.ts';
import { inParallel } from './in-parallel.ts';
import { changeRegister, namingUnavailability, readRegister, type StoreContext } from './store-context.ts';

type Ports = Pick<StoreContext, 'registers' | 'healing' | 'clock' | 'limits'>;

const PAGE_PARTS = 1_000;
const PARTS_AT_ONCE = 16;

export interface UploadsOfObject {
  readonly register: RegisterKey;
  readonly bucketId: string;
  readonly key: string;
  readonly uploads: readonly UploadEntry[];
}

/** Rejects with StoreError 'Unavailable'. */
export async function cleanUpUploads(
  ports: Ports,
  { register, bucketId, key, uploads }: UploadsOfObject,
): Promise<void> {
  for (const entry of uploads) {
    if (entry.state === 'open' && !(await isHidden(ports, bucketId, key, entry))) continue;
    const { uploadId } = entry;
    if (entry.state === 'open') {
      const { outcome } = await changeRegister(ports, register, 'abortUpload', { uploadId });
      if (outcome !== 'ok') continue;
    }
    await changeRegister(ports, uploadKey(bucketId, key, uploadId), 'remove', {});
    await removeParts(ports, bucketId, entry);
    await changeRegister(ports, register, 'finishUpload', { uploadId });
  }
}

/**
 * Its creation was cut short before anybody could see it. The entry precedes the upload's register, so one of these two is
 * true: nobody will ever ask for the upload, or its creation is extremely slow, and will then end in an upload that cannot be
 * completed.
 */
async function isHidden(ports: Ports, bucketId: string, key: string, entry: UploadEntry): Promise<boolean> {
  if (ports.clock.wallMs() - entry.startedMs < ports.limits.hiddenUploadMs) return false;
  return !(await readRegister(ports, uploadKey(bucketId, key, entry.uploadId))).live;
}

/** The kept ones by number, because the entry must not go before each of them is; the others as a scan finds them. */
async function removeParts(ports: Ports, bucketId: string, { uploadId, kept }: UploadEntry): Promise<void> {
  const keptIds = kept.map(({ blobId }) => blobId);
  await inParallel(kept, PARTS_AT_ONCE, ({ partNumber, blobId }) =>
    changeRegister(ports, partKey(bucketId, uploadId, partNumber), 'removePart', { kept: [blobId] }),
  );
  const prefix = partPrefix(bucketId, uploadId);
  let from: RegisterKey | null = prefix;
  while (from !== null) {
    const start: RegisterKey = from;
    const page = await namingUnavailability(() => ports.registers.scan(start, afterPrefix(prefix), PAGE_PARTS));
    await inParallel(page.entries, PARTS_AT_ONCE, ({ key }) =>
      changeRegister(ports, key, 'removePart', { kept: keptIds }),
    );
    from = page.next;
  }
}
