// `ashlar fsck`: checks bare drives offline, every byte of them, and changes nothing. Exit 0 clean, 1 problems, 2 bad input.
import { resolve } from 'node:path';
import { type DriveReport, fsck } from '../../node/offline/fsck.ts';
import { jsonOption } from '../cluster-options.ts';
import type { CommandModule } from '../command.ts';
import { bytesText } from '../table.ts';

interface Options {
  readonly json?: boolean;
}

const HELP = `
Each DIR is a drive, or a log device; drives with a log device need both. No node may have them open. Nothing is
written to them.

Exit code: 0 every drive is whole, 1 something is missing or damaged, 2 bad input.

Examples:
  ashlar fsck /srv/d1 /srv/d2
  ashlar fsck .ashlar/demo/data/*/*`;

/** So many are shown of a drive; --json has all. */
const FINDINGS_SHOWN = 20;

export const define: CommandModule['define'] = (command, context) => {
  command
    .argument('<dir...>', 'directories of drives, and of their log devices')
    .addOption(jsonOption())
    .addHelpText('after', HELP)
    .action(async (directories: string[], { json = false }: Options) => {
      const paths = directories.map((directory) => resolve(context.workingDirectory, directory));
      const reports = await fsck(paths, (report) => {
        if (!json) context.print(reportText(report));
      });
      if (json) context.print(JSON.stringify({ drives: reports }, null, 2));
      const problems = reports.reduce((sum, { findings }) => sum + findings.length, 0);
      if (!json) context.print(summaryText(reports.length, problems));
      if (problems > 0) context.setExitCode(1);
    });
};

function reportText(report: DriveReport): string {
  const { directory, identity, findings, strayFiles, values, valueBytes, shards, shardBytes, logRecords } = report;
  const { slot, driveId } = identity;
  const lines = [
    `${slot === '' ? 'unknown drive' : slot}  ${directory}  (drive ${driveId})`,
    `  ${values} values (${bytesText(valueBytes)}), ${shards} shards (${bytesText(shardBytes)}), ` +
      `${logRecords} log records since the last checkpoint`,
  ];
  if (report.tornBytes > 0)
    lines.push(`  the last ${report.tornBytes} bytes of the log are a write that was interrupted`);
  if (strayFiles.length > 0) lines.push(`  ${strayFiles.length} stray shard files, which the next start removes`);
  for (const { kind, message } of findings.slice(0, FINDINGS_SHOWN)) lines.push(`  ${kind.toUpperCase()}  ${message}`);
  if (findings.length > FINDINGS_SHOWN) lines.push(`  … and ${findings.length - FINDINGS_SHOWN} more; --json has all`);
  if (report.isSalvaged) lines.push('  No node will use this drive as it is; what can be read of it was counted.');
  lines.push(findings.length === 0 ? '  clean' : `  ${findings.length} problems`);
  return lines.join('\n');
}

function summaryText(drives: number, problems: number): string {
  const what = drives === 1 ? '1 drive' : `${drives} drives`;
  return problems === 0 ? `${what}: clean.` : `${what}: ${problems} problems.`;
}
