// From the machines back to the "hosts" part of a document: each machine in full, without classes. parseClusterSpec gives the same
// machines again.
import type { HostDrive, HostSpec } from './hosts.ts';

export function hostsForm(hosts: readonly HostSpec[]): Record<string, unknown> {
  return { machines: Object.fromEntries(hosts.map((host) => [host.name, machineForm(host)])) };
}

function machineForm(host: HostSpec): Record<string, unknown> {
  const wal = host.drives.find(({ role }) => role === 'wal');
  const data = host.drives.filter(({ role }) => role === 'data');
  return given({
    system: host.system,
    networkRenderer: host.networkRenderer,
    profile: host.profile,
    runtime: host.runtime,
    settings: host.settings,
    nics: byName(host.nics, ({ name, mac }) => mac ?? name),
    bonds: byName(host.bonds, ({ name: _, ...bond }) => bond),
    networks: byName(host.networks, ({ name: _, ...network }) => given(network)),
    drives: byName(data, driveForm),
    walDrive: wal === undefined ? null : driveForm(wal),
    timeServers: host.timeServers,
    users: byName(host.users, ({ name: _, ...user }) => given(user)),
  });
}

function driveForm({ by, id, label }: HostDrive): Record<string, unknown> {
  return { [by]: id, label };
}

function byName<T extends { readonly name: string }>(things: readonly T[], form: (thing: T) => unknown) {
  return Object.fromEntries(things.map((thing) => [thing.name, form(thing)]));
}

/** Without what is null or empty. */
function given(form: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (value: unknown) => typeof value === 'object' && Object.keys(value ?? {}).length === 0;
  return Object.fromEntries(Object.entries(form).filter(([, value]) => !isEmpty(value)));
}
