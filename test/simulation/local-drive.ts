// Opens a simulated drive with the real storage engine, as node/open-drives.ts does for real ones.
import type { LocalDrive } from '../../node/cluster/local-drives.ts';
import type { DriveIdentity, DriveStore } from '../../node/storage/drive-store.ts';
import { formatDrive, openDrive } from '../../node/storage/open.ts';
import type { MountedDrive, Surroundings } from './cluster.ts';
import { simIndex } from './sim-index.ts';

export async function openLocalDrive(
  { slot, disk, log }: MountedDrive,
  { clock, random, note, tuning }: Surroundings,
): Promise<LocalDrive> {
  const open = () => openDrive({ disk, log, index: simIndex(disk), clock, random, tuning });
  const format = async (identity: DriveIdentity): Promise<DriveStore> => {
    await formatDrive({ disk, log, identity, random });
    const formatted = await open();
    if (formatted.kind !== 'formatted') throw new Error(`drive ${slot} is ${formatted.kind} after it was formatted`);
    return formatted.store;
  };
  const opened = await open();
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
