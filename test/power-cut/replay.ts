// What a power cut leaves of a recording: the events up to some point happen on a medium that forgets what was not synced, some of
// that is kept or torn at random, and the rest becomes a fresh directory for a real engine.
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type FileNode, Medium } from '../simulation/sim-disk-medium.ts';
import type { SimRandom } from '../simulation/sim-random.ts';
import type { Promised } from '../support/drive-history.ts';
import type { Device, RecordedEvent } from './recording.ts';

export interface PowerCut {
  /** What was promised when the power went; null: nothing had been asked for yet. */
  readonly promised: Promised | null;
  /** Writes what is left of this device into an empty directory. */
  write(device: Device, directory: string): Promise<void>;
}

/** The power goes after so many events. */
export function cutPower(events: readonly RecordedEvent[], count: number, random: SimRandom): PowerCut {
  const media: Record<Device, Medium> = { drive: new Medium(), log: new Medium() };
  const files = new Map<number, { medium: Medium; node: FileNode }>();
  const syncs = new Map<number, number>();
  let promised: Promised | null = null;
  for (const event of events.slice(0, count)) {
    switch (event.kind) {
      case 'promise':
        promised = event.promised;
        break;
      case 'make-directory':
        media[event.device].makeDirectory(event.path);
        break;
      case 'remove':
        media[event.device].remove(event.path);
        break;
      case 'rename':
        media[event.device].rename(event.from, event.to);
        break;
      case 'create':
      case 'open': {
        const medium = media[event.device];
        const node = event.kind === 'create' ? medium.create(event.path) : medium.file(event.path);
        files.set(event.file, { medium, node });
        break;
      }
      case 'write': {
        const { medium, node } = files.get(event.file)!;
        medium.write(node, event.offset, event.data);
        break;
      }
      case 'truncate': {
        const { medium, node } = files.get(event.file)!;
        medium.truncate(node, event.sizeBytes);
        break;
      }
      case 'sync-begins':
        syncs.set(event.sync, files.get(event.file)!.medium.sequence);
        break;
      case 'sync-ends': {
        const { medium, node } = files.get(event.file)!;
        medium.syncFile(node, syncs.get(event.sync)!);
        break;
      }
      case 'directory-sync-begins':
        syncs.set(event.sync, media[event.device].sequence);
        break;
      case 'directory-sync-ends':
        media[event.device].syncDirectory(event.path, syncs.get(event.sync)!);
        break;
    }
  }
  for (const medium of Object.values(media)) medium.crash(random);
  return { promised, write: (device, directory) => writeOut(media[device], directory) };
}

async function writeOut(medium: Medium, directory: string): Promise<void> {
  for (const path of medium.files()) {
    const { volatile } = medium.file(path);
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), volatile.read(0, volatile.sizeBytes));
  }
}
