// Every file that a host gets from us beside its network, as values: the table of the host, the scripts that read it, units, kernel
// settings, and what the container engine needs.
import type { HostRuntime, HostSpec } from '../spec/hosts.ts';
import { type HostDescription, settingOf } from './describe-host.ts';
import type { HostFile } from './host-file.ts';
import { hostTable } from './host-table.ts';
import { networkManagerFiles } from './network-manager.ts';
import { networkdFiles } from './networkd.ts';
import { doctorScript, drivesScript, type HostScripts, tuneScript } from './scripts.ts';
import { isMemoryShare, tableText } from './setting.ts';
import { ENGINE_UNITS, SCRIPTS, unitFiles, unitNames } from './units.ts';

const HEADER = '# From the spec of the cluster, by "ashlar host-config".';
export const START_SCRIPT = `${SCRIPTS}/start.sh`;
export const DOCTOR = '/usr/local/sbin/ashlar-doctor';

const MODULES: Readonly<Record<HostRuntime, readonly string[]>> = {
  none: [],
  docker: ['overlay', 'br_netfilter', 'vxlan'],
  kubernetes: ['overlay', 'br_netfilter', 'vxlan'],
};

export function hostFiles(description: HostDescription, scripts: HostScripts): HostFile[] {
  const { host } = description;
  const table = hostTable(description);
  return [
    file('/etc/ashlar/host.conf', table),
    file('/etc/sysctl.d/90-ashlar.conf', sysctlText(description)),
    file('/etc/modules-load.d/ashlar.conf', [HEADER, ...modules(host), ''].join('\n')),
    ...unitFiles(description),
    ...engineFiles(description),
    file(`${SCRIPTS}/drives.sh`, drivesScript(scripts), '0755'),
    file(`${SCRIPTS}/tune.sh`, tuneScript(scripts), '0755'),
    file(START_SCRIPT, startScript(description), '0755'),
    file(DOCTOR, doctorScript(scripts, table), '0755'),
  ];
}

/** Empty where cloud-init configures it all. */
export function networkFiles(host: HostSpec): HostFile[] {
  switch (host.networkRenderer) {
    case 'cloud-init':
      return [];
    case 'networkd':
      return networkdFiles(host);
    case 'network-manager':
      return networkManagerFiles(host);
  }
}

function modules({ bonds, networks, runtime }: HostSpec): string[] {
  return [
    ...(bonds.length > 0 ? ['bonding'] : []),
    ...(networks.some(({ vlan }) => vlan !== null) ? ['8021q'] : []),
    ...MODULES[runtime],
    'xfs',
  ];
}

/** What does not depend on the host; shares of memory are computed there (tune.sh). */
function sysctlText({ settings }: HostDescription): string {
  const lines = settings
    .filter(({ kind, value }) => kind === 'sysctl' && !isMemoryShare(value))
    .map(({ id, value, reason, source }) => `\n# ${reason} (${source})\n${id} = ${tableText(value)}\n`);
  return `${HEADER}\n${lines.join('')}`;
}

/** Docker's own defaults for what a container may open; of Swarm services nothing else can say it. */
function engineFiles(description: HostDescription): HostFile[] {
  const limit = settingOf(description, 'limit-nofile');
  if (description.host.runtime !== 'docker' || limit === undefined) return [];
  const nofile = { Name: 'nofile', Soft: limit.value, Hard: limit.value };
  return [file('/etc/docker/daemon.json', `${JSON.stringify({ 'default-ulimits': { nofile } }, null, 2)}\n`)];
}

/** Puts the files in force: at the first boot, and whenever they were written anew. Touches neither data nor the network. */
function startScript(description: HostDescription): string {
  const units = unitNames(description).map((name) => `'${name}'`);
  // Started, never restarted: that would end the containers.
  const engines = ENGINE_UNITS[description.host.runtime]
    .map((name) => `if systemctl cat ${name} >/dev/null 2>&1; then systemctl start ${name} || failed=1; fi\n`)
    .join('');
  return `#!/bin/sh
# Puts what lies in /etc/ashlar, /etc/systemd and /etc/sysctl.d in force. May be run again at any time.
systemctl daemon-reload
systemctl restart systemd-modules-load.service
sysctl -q --system
failed=0
for unit in ${units.join(' ')}; do
  systemctl enable --quiet "$unit"
done
# Again, because the table may have changed; a drive that was refused must not keep the others from being mounted.
systemctl restart ashlar-drives.service || failed=1
systemctl start ashlar-drives.target || failed=1
for unit in ${units.filter((name) => name.endsWith(".mount'")).join(' ')}; do
  systemctl start "$unit" || failed=1
done
systemctl restart ashlar-tune.service || failed=1
${engines}exit "$failed"
`;
}

function file(path: string, text: string, mode: HostFile['mode'] = '0644'): HostFile {
  return { path, mode, text };
}
