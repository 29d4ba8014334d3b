// The tables of docs/host-tuning.md, from the data that hosts are made of. test/unit/host-tuning/docs.test.ts compares;
// write-host-tuning-docs.ts writes them anew.
import { CONFLICTS } from '../../host-tuning/conflicts.ts';
import { isMemoryShare, type SettingKind, type Value, valueText } from '../../host-tuning/setting.ts';
import { SETTINGS_TABLE } from '../../host-tuning/settings-table.ts';
import { HOST_PROFILES, HOST_SETTING_IDS, type HostSettingId } from '../../spec/hosts-choices.ts';

export const MARK = '<!-- From here on written by test/support/write-host-tuning-docs.ts. -->';

/** How the doctor sees it, in a few words. */
const SEEN: Readonly<Record<SettingKind, string>> = {
  sysctl: 'the key under `/proc/sys`',
  hugepages: '`/sys/kernel/mm/transparent_hugepage/enabled`',
  governor: '`scaling_governor` of every processor',
  queue: "the drive's `queue` under `/sys/block`",
  xfs: '`/sys/fs/xfs/*/error/metadata/*`',
  ring: '`ethtool -g`, against what the card can',
  queues: '`ethtool -l`, against processors and card',
  irqs: '`smp_affinity_list` of each interrupt of the card',
  service: '`systemctl is-active`',
  limit: '`systemctl show ENGINE`',
  units: 'the engine starts after `ashlar-drives.target`',
};

export function hostTuningTables(): string {
  return [
    '## Settings',
    '',
    ...table(
      ['setting', 'throughput', 'small-objects', 'balanced', 'why', 'source', 'the doctor looks at'],
      HOST_SETTING_IDS.map((id) => {
        const { values, reason, source, kind } = SETTINGS_TABLE[id];
        return [name(id), ...HOST_PROFILES.map((profile) => shown(values[profile])), reason, source, SEEN[kind]];
      }),
    ),
    '',
    '## Where vendors disagree',
    '',
    ...table(
      ['about', 'said', 'chosen', 'because'],
      CONFLICTS.map(({ about, said, chosen, why }) => [about, said, chosen, why]),
    ),
    '',
  ].join('\n');
}

function name(id: HostSettingId): string {
  const { runtimes } = SETTINGS_TABLE[id];
  return runtimes === undefined ? `\`${id}\`` : `\`${id}\` (with ${runtimes.join(', ')})`;
}

function shown(value: Value): string {
  return value === false || isMemoryShare(value) ? valueText(value) : `\`${value}\``;
}

function table(titles: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(titles), line(titles.map(() => '---')), ...rows.map(line)];
}
