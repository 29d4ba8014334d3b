// The files of a host, for a NoCloud seed (a directory, an ISO image, a web server) and for a host that runs already. Pure: the same
// description gives the same bytes.
import { applyScript } from './apply-script.ts';
import { metaData, userData, yamlText } from './cloud-init.ts';
import type { HostDescription } from './describe-host.ts';
import { hostFiles, networkFiles } from './host-files.ts';
import { hostTable } from './host-table.ts';
import { networkConfig } from './network-config.ts';
import type { HostScripts } from './scripts.ts';
import { doctorScript } from './scripts.ts';

/** Names in the seed. */
export const SEED_FILES = ['user-data', 'meta-data', 'network-config'] as const;

/** By name: those of the seed, apply.sh for a running host, and doctor.sh. */
export function renderHost(description: HostDescription, scripts: HostScripts): Map<string, string> {
  const own = hostFiles(description, scripts);
  const network = networkFiles(description.host);
  // The table is what says that all was written.
  const [table, ...rest] = own;
  return new Map([
    ['user-data', userData(description, [...network, ...own])],
    ['meta-data', metaData(description)],
    ['network-config', yamlText(networkConfig(description.host))],
    ['apply.sh', applyScript(description.host.name, [...network, ...rest, table!])],
    ['doctor.sh', doctorScript(scripts, hostTable(description))],
  ]);
}
