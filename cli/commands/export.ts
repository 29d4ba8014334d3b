// `ashlar export`: brings the objects out of the bare drives of a dead cluster, into ordinary files with a manifest. Exit 0
// all of them, for certain; 1 some are lost, or may be out of date; 2 bad input.
import { resolve } from 'node:path';
import { type BareDrive, closeAll, openDirectories } from '../../node/offline/directories.ts';
import { type ExportReport, exportObjects, type ManifestEntry } from '../../node/offline/export.ts';
import { MANIFEST_FILE } from '../../node/offline/object-paths.ts';

import type { CommandModule } from '../command.ts';
import { bytesText, tableLines } from '../table.ts';

interface Options {
  readonly out: string;
  readonly bucket?: string;
  readonly keyPrefix?: string;
}

const HELP = `
Each DIR is a drive of the cluster, or a log device of one; name all that are left, in any order. No node may have
them open. Nothing is written to them. Objects come to OUT/BUCKET/KEY, listed in OUT/${MANIFEST_FILE} with their
metadata; keys that are no file names are written with "%" (docs/operations/quorum-loss.md).

Exit code: 0 every object that these drives know of was exported, and is the newest; 1 some cannot be rebuilt, or
may be out of date; 2 bad input.

Example:
  ashlar export /srv/d1 /srv/d2 /mnt/rescued/d3 --out /backup/objects`;

export const define: CommandModule['define'] = (command, context) => {
  command
    .argument('<dir...>', 'directories of drives, and of their log devices')
    .requiredOption('--out <dir>', 'an empty directory, or one to make')
    .option('--bucket <name>', 'this bucket only')
    .option('--key-prefix <prefix>', 'only objects whose keys start so')
    .addHelpText('after', HELP)
    .action(async (directories: string[], { out, bucket, keyPrefix }: Options) => {
      const at = (path: string) => resolve(context.workingDirectory, path);
      const drives = await openDirectories(directories.map(at));
      try {
        for (const drive of drives) for (const line of warnings(drive)) context.note(line);
        const report = await exportObjects({
          drives,
          out: at(out),
          bucket,
          keyPrefix,
          onObject: (entry) => {
            if (entry.status === 'unrecoverable') context.note(lossText(entry));
          },
        });
        context.print(reportText(report, out));
        if (!isWhole(report)) context.setExitCode(1);
      } finally {
        await closeAll(drives);
      }
    });
};

/** What was wrong with the drive on opening. */
function warnings({ name, identity, findings }: BareDrive): string[] {
  return findings.map(({ kind, message }) => `${identity.slot || name}: ${kind}: ${message}`);
}

const lossText = ({ bucket, key, problem }: ManifestEntry): string => `LOST ${bucket}/${key}: ${problem}`;

function isWhole({ partitions, isMapLost, buckets }: ExportReport): boolean {
  const isBad = buckets.some(({ unrecoverable, uncertain }) => unrecoverable > 0 || uncertain > 0);
  return !isBad && !isMapLost && partitions.uncertain === 0;
}

function reportText({ partitions, isMapLost, buckets }: ExportReport, out: string): string {
  const lines = tableLines(
    [
      { title: 'bucket' },
      { title: 'exported', align: 'right' },
      { title: 'size', align: 'right' },
      { title: 'maybe outdated', align: 'right' },
      { title: 'lost', align: 'right' },
    ],
    buckets.map(({ name, exported, exportedBytes, uncertain, unrecoverable }) => [
      name,
      String(exported),
      bytesText(exportedBytes),
      String(uncertain),
      String(unrecoverable),
    ]),
  );
  if (isMapLost) {
    lines.push('No drive has a cluster map that can be read: nothing is known of what is missing.');
  } else if (partitions.uncertain > 0) {
    lines.push(
      `Of ${partitions.all} partitions ${partitions.uncertain} have too few drives here: their objects may be out of date, ` +
        'and some may be missing from this list.',
    );
  } else {
    lines.push('Every partition has drives enough here: no acknowledged object is missing from this list.');
  }
  lines.push(`Objects and ${MANIFEST_FILE} are in ${out}.`);
  return lines.join('\n');
}
