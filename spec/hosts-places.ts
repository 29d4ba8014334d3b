// What each place of the "hosts" part holds, and what to do when it holds something else: the words of its problems.
import { HOST_PROFILES, HOST_RUNTIMES, HOST_SYSTEMS, NETWORK_RENDERERS } from './hosts-choices.ts';

const NAMED = new Set(['nics', 'bonds', 'networks', 'drives', 'users', 'settings']);

/** ['hosts', 'machines', 'a1', 'nics', 'port0'] → "host.nics.*": classes and machines have the same settings. */
export function hostPlace(path: readonly (string | number)[]): string {
  const [, kind, name, setting, key, ...rest] = path.map((part) => (typeof part === 'number' ? '*' : part));
  const own = name === '#' ? '#' : '*';
  if (setting === undefined || setting === 'class')
    return ['hosts', kind, name === undefined ? undefined : own, setting]
      .filter((part) => part !== undefined)
      .join('.');
  if (key === undefined) return `host.${setting}`;
  return ['host', setting, NAMED.has(setting) && key !== '#' ? '*' : key, ...rest].join('.');
}

const NAME_REMEDY = 'Use 1 to 40 lower-case letters, digits and hyphens, for instance';
const INTERFACE_REMEDY = 'Use 1 to 15 lower-case letters and digits, a letter first, for instance';
const DRIVE_REMEDY = 'Write it as "lsblk --nodeps --output NAME,SERIAL,WWN" prints it, for instance S6CKNE0T100001.';
const IP_REMEDY = 'Write an address, for instance 10.0.1.1.';
const WHOLE = (range: string) => `Write a whole number, ${range}.`;

const DRIVE_PLACES = (at: string) => ({
  [at]: { noun: 'a drive', remedy: 'Write {serial: S6CKNE0T100001}, or its wwn, or its id under /dev/disk/by-id.' },
  [`${at}.serial`]: { noun: 'a serial number', remedy: DRIVE_REMEDY },
  [`${at}.wwn`]: { noun: 'a world-wide name', remedy: DRIVE_REMEDY },
  [`${at}.id`]: { noun: 'a name under /dev/disk/by-id', remedy: 'Write it without the directory.' },
  [`${at}.label`]: { noun: 'a label', remedy: 'Use 1 to 12 letters, digits, ".", "_" and "-": XFS takes no more.' },
});

export const HOST_PLACES: Readonly<Record<string, { readonly noun: string; readonly remedy: string }>> = {
  hosts: { noun: 'a description of hosts', remedy: 'Write {classes: {…}, machines: {a1: {…}}}.' },
  'hosts.classes': {
    noun: 'a list of classes',
    remedy: 'Write classes by name, for instance {big: {system: debian-12}}.',
  },
  'hosts.classes.*': { noun: 'a class', remedy: 'Write {system: debian-12, profile: throughput, …}.' },
  'hosts.classes.#': { noun: "a class's name", remedy: `${NAME_REMEDY} big.` },
  'hosts.machines': {
    noun: 'a list of machines',
    remedy: 'Write machines by the name of their node, for instance {a1: {class: big}}.',
  },
  'hosts.machines.*': { noun: 'a machine', remedy: 'Write {class: big, nics: {…}, drives: {…}}.' },
  'hosts.machines.#': { noun: "a node's name", remedy: `${NAME_REMEDY} a1.` },
  'hosts.machines.*.class': { noun: "a class's name", remedy: `${NAME_REMEDY} big.` },
  'host.system': { noun: 'a system', remedy: `Use ${HOST_SYSTEMS.join(', ')}.` },
  'host.networkRenderer': { noun: 'a renderer', remedy: `Use ${NETWORK_RENDERERS.join(', ')}.` },
  'host.profile': { noun: 'a profile', remedy: `Use ${HOST_PROFILES.join(', ')}.` },
  'host.runtime': { noun: 'a runtime', remedy: `Use ${HOST_RUNTIMES.join(', ')}.` },
  'host.settings': {
    noun: 'a list of settings',
    remedy: 'Write {vm.swappiness: 10}; docs/host-tuning.md has them all.',
  },
  'host.settings.*': { noun: 'a value of a setting', remedy: 'Write a number or a word, or false to leave it alone.' },
  'host.nics': { noun: 'a list of network cards', remedy: 'Write {port0: "0c:42:a1:00:0a:11", port1: enp65s0f1np1}.' },
  'host.nics.*': {
    noun: 'a network card',
    remedy: 'Write its MAC address in quotes, "0c:42:a1:00:0a:11", or the name the kernel gives it, enp65s0f0np0.',
  },
  'host.nics.#': { noun: 'a name of a network card', remedy: `${INTERFACE_REMEDY} port0.` },
  'host.bonds': { noun: 'a list of bonds', remedy: 'Write {bond0: {members: [port0, port1]}}.' },
  'host.bonds.*': { noun: 'a bond', remedy: 'Write {members: [port0, port1]}.' },
  'host.bonds.#': { noun: 'a name of a bond', remedy: `${INTERFACE_REMEDY} bond0.` },
  'host.bonds.*.members': { noun: 'a list of network cards', remedy: 'Write a list, for instance [port0, port1].' },
  'host.bonds.*.members.*': { noun: 'a name of a network card', remedy: `${INTERFACE_REMEDY} port0.` },
  'host.bonds.*.lacpRate': { noun: 'a rate', remedy: 'Use fast or slow.' },
  'host.bonds.*.monitorMs': { noun: 'a number of milliseconds', remedy: WHOLE('10 to 10000') },
  'host.bonds.*.hashPolicy': { noun: 'a hash policy', remedy: 'Use layer3+4, layer2+3, layer2.' },
  'host.bonds.*.minLinks': { noun: 'a number of links', remedy: WHOLE('1 to 8') },
  'host.bonds.*.upDelayMs': { noun: 'a number of milliseconds', remedy: WHOLE('0 to 60000') },
  'host.bonds.*.downDelayMs': { noun: 'a number of milliseconds', remedy: WHOLE('0 to 60000') },
  'host.networks': { noun: 'a list of networks', remedy: 'Write {storage: {over: bond0, addresses: [10.0.1.11/24]}}.' },
  'host.networks.*': { noun: 'a network', remedy: 'Write {over: bond0, addresses: [10.0.1.11/24]}.' },
  'host.networks.#': { noun: 'a name of a network', remedy: `${NAME_REMEDY} storage.` },
  'host.networks.*.over': { noun: 'a bond or a network card', remedy: `${INTERFACE_REMEDY} bond0.` },
  'host.networks.*.vlan': { noun: 'a VLAN', remedy: WHOLE('1 to 4094') },
  'host.networks.*.mtu': { noun: 'an MTU', remedy: WHOLE('1280 to 9216') },
  'host.networks.*.addresses': { noun: 'a list of addresses', remedy: 'Write a list, for instance [10.0.1.11/24].' },
  'host.networks.*.addresses.*': { noun: 'an address with its prefix', remedy: 'Write for instance 10.0.1.11/24.' },
  'host.networks.*.dhcp': { noun: 'true or false', remedy: 'Use true or false.' },
  'host.networks.*.gateway': { noun: 'an address', remedy: IP_REMEDY },
  'host.networks.*.routes': { noun: 'a list of routes', remedy: 'Write [{to: 10.0.0.0/16, via: 10.0.1.1}].' },
  'host.networks.*.routes.*': { noun: 'a route', remedy: 'Write {to: 10.0.0.0/16, via: 10.0.1.1}.' },
  'host.networks.*.routes.*.to': { noun: 'a subnet', remedy: 'Write for instance 10.0.0.0/16.' },
  'host.networks.*.routes.*.via': { noun: 'an address', remedy: IP_REMEDY },
  'host.networks.*.nameServers': { noun: 'a list of addresses', remedy: 'Write a list, for instance [10.0.0.53].' },
  'host.networks.*.nameServers.*': { noun: 'an address', remedy: IP_REMEDY },
  'host.drives': { noun: 'a list of drives', remedy: 'Write {d1: {serial: S6CKNE0T100001}}.' },
  'host.drives.#': { noun: "a drive's name", remedy: 'Use the last component of its path, for instance d1.' },
  ...DRIVE_PLACES('host.drives.*'),
  ...DRIVE_PLACES('host.walDrive'),
  'host.timeServers': { noun: 'a list of time servers', remedy: 'Write a list, for instance [ntp1.example.com].' },
  'host.timeServers.*': { noun: 'a time server', remedy: 'Write its name or its address.' },
  'host.users': { noun: 'a list of users', remedy: 'Write {ops: {keys: ["ssh-ed25519 AAAA…"], sudo: true}}.' },
  'host.users.*': { noun: 'a user', remedy: 'Write {keys: ["ssh-ed25519 AAAA…"], sudo: true}.' },
  'host.users.#': {
    noun: 'a name of a user',
    remedy: 'Use lower-case letters, digits, "-" and "_", for instance ops.',
  },
  'host.users.*.keys': { noun: 'a list of keys', remedy: 'Write a list of public SSH keys.' },
  'host.users.*.keys.*': { noun: 'a public SSH key', remedy: 'Write the line of the .pub file, in quotes.' },
  'host.users.*.sudo': { noun: 'true or false', remedy: 'Use true or false.' },
};
