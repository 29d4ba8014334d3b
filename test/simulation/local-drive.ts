// Opens a simulated drive with the real storage engine, as node/open-drives.ts does for real ones.
import type { LocalDrive } from '../../node/cluster/local-drives.ts';
import type { DriveIdentity, DriveStore } from '../../node/storage/drive-store.ts';
import { formatAndOpen, openDrive } from '../../node/storage/open.ts';
import type { MountedDrive, Surroundings } from './cluster.ts';
import { simIndex } from './sim-index.ts';

export async function openLocalDrive(
  { slot, disk, log }: MountedDrive,
  { clock, random, note, tuning }: Surroundings,
): Promise<LocalDrive> {
  const options = { disk, log, index: simIndex(disk), clock, random, tuning };
  const format = (identity: DriveIdentity): Promise<DriveStore> => formatAndOpen({ ...options, identity });
  const opened = await openDrive(options);
  switch (opened.kind) {
    case 'formatted':
      return { kind: 'open', slot, store: opened.store };
    case 'refused':
      note(`drive ${slot} is refused: ${opened.reason}`);
      return { kind: 'refused', slot, reason: opened.reason };
    case 'blank':
      return { kind: 'blank', slot, format };
  }
}
