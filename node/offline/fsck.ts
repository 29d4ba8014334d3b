// Checks bare drives, every byte of them, and says what it found as values. Changes nothing.

import { checkDrive, type DriveCheck } from '../storage/drive-check.ts';
import type { DriveIdentity } from '../storage/drive-store.ts';
import { closeAll, openDirectories } from './directories.ts';

export interface DriveReport extends DriveCheck {
  readonly directory: string;
  /** Empty texts: not known, as the identity is damaged. */
  readonly identity: DriveIdentity;
  /** Of the log, that the index did not have yet. */
  readonly logRecords: number;
  readonly tornBytes: number;
  /** The index or the log is damaged: the cluster would refuse the drive, and what is here was gathered from its files. */
  readonly isSalvaged: boolean;
}

/** One after the other, in the order given. Rejects with OfflineError. */
export async function fsck(
  directories: readonly string[],
  onDrive: (report: DriveReport) => void = () => undefined,
): Promise<DriveReport[]> {
  const drives = await openDirectories(directories);
  try {
    const reports: DriveReport[] = [];
    for (const drive of drives) {
      const { name, identity, logRecords, tornBytes, isSalvaged } = drive;
      const report = { directory: name, identity, logRecords, tornBytes, isSalvaged, ...(await checkDrive(drive)) };
      reports.push(report);
      onDrive(report);
    }
    return reports;
  } finally {
    await closeAll(drives);
  }
}
