// The "hosts" part of the document, as a zod schema: machines by the name of their node, and classes of machines that are alike.
// A class and a machine have the same settings; what a machine says goes over what its class says, at every depth. What no schema
// can say (a bond without members, a drive that no machine names) is in hosts-resolve.ts.
import { z } from 'zod';
import {
  HOST_PROFILES,
  HOST_RUNTIMES,
  HOST_SETTING_IDS,
  HOST_SYSTEMS,
  type HostSettingId,
  NETWORK_RENDERERS,
} from './hosts-choices.ts';

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;
/** Linux allows 15 letters. */
const INTERFACE = /^[a-z][a-z0-9]{0,14}$/;
const NIC = /^(?:[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|[a-z][a-z0-9]{1,14})$/;
const IP = /^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$/;
const CIDR = /^(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)\/[0-9]{1,3}$/;
const SERVER = /^[A-Za-z0-9:](?:[A-Za-z0-9.:-]{0,251}[A-Za-z0-9:])?$/;
const DRIVE_ID = /^[A-Za-z0-9][A-Za-z0-9._:+-]{2,127}$/;
/** The last component of a drive's path. */
const DRIVE_NAME = /^[A-Za-z0-9._-]{1,64}$/;
const XFS_LABEL = /^[A-Za-z0-9][A-Za-z0-9._-]{0,11}$/;
const USER = /^[a-z_][a-z0-9_-]{0,31}$/;
const KEY =
  /^(?:ssh-(?:ed25519|rsa)|ecdsa-sha2-nistp(?:256|384|521)|sk-ssh-ed25519@openssh\.com) [A-Za-z0-9+/=]+(?: [^\n"']*)?$/;

const label = z.string().regex(LABEL);
const name = z.string().regex(INTERFACE);

const bond = z.strictObject({
  members: z.array(name).min(1).max(8).optional().describe('The nics that it is made of.'),
  lacpRate: z.enum(['fast', 'slow']).optional().describe('How often the switch is asked. Default: fast.'),
  monitorMs: z.int().min(10).max(10_000).optional().describe('Between two looks at the links (miimon). Default: 100.'),
  hashPolicy: z
    .enum(['layer2', 'layer2+3', 'layer3+4'])
    .optional()
    .describe('What decides over which link a packet goes. Default: layer3+4.'),
  minLinks: z.int().min(1).max(8).optional().describe('With fewer links the bond is down. Default: 1.'),
  upDelayMs: z.int().min(0).max(60_000).optional().describe('Before a link that came up is used. Default: 200.'),
  downDelayMs: z.int().min(0).max(60_000).optional().describe('Before a link that went down is left. Default: 200.'),
});

const network = z.strictObject({
  over: name.optional().describe('The bond or the nic that carries it.'),
  vlan: z.int().min(1).max(4094).optional().describe('Its VLAN; without one it is untagged.'),
  mtu: z.int().min(1280).max(9216).optional().describe('Default: 9000 for storage, else 1500.'),
  addresses: z.array(z.string().regex(CIDR)).min(1).optional().describe('Addresses with the length of their prefix.'),
  dhcp: z.boolean().optional().describe('Whether addresses come by DHCP. Default: no.'),
  gateway: z.string().regex(IP).optional().describe('The way to everywhere else; on one network of a host.'),
  routes: z
    .array(z.strictObject({ to: z.string().regex(CIDR), via: z.string().regex(IP) }))
    .min(1)
    .optional()
    .describe('Ways to other subnets of this network, where zones have their own.'),
  nameServers: z.array(z.string().regex(IP)).min(1).optional().describe('DNS servers.'),
});

const drive = z.strictObject({
  serial: z.string().regex(DRIVE_ID).optional().describe('Serial number, as lsblk prints it.'),
  wwn: z.string().regex(DRIVE_ID).optional().describe('World-wide name, as lsblk prints it.'),
  id: z.string().regex(DRIVE_ID).optional().describe('Name under /dev/disk/by-id.'),
  label: z.string().regex(XFS_LABEL).optional().describe("Label of its file system. Default: the drive's name."),
});

const settings = z.strictObject(
  Object.fromEntries(
    HOST_SETTING_IDS.map((id) => [id, z.union([z.int(), z.string(), z.literal(false)]).optional()]),
  ) as Record<HostSettingId, z.ZodOptional<z.ZodUnion<[z.ZodInt, z.ZodString, z.ZodLiteral<false>]>>>,
);

const hostShape = {
  system: z.enum(HOST_SYSTEMS).optional().describe('The distribution that is installed.'),
  networkRenderer: z
    .enum(NETWORK_RENDERERS)
    .optional()
    .describe("Who configures the network. Default: by system, because some of cloud-init's converters lose bonds."),
  profile: z.enum(HOST_PROFILES).optional().describe('What the host is tuned for. Default: balanced.'),
  settings: settings.optional().describe('Settings that differ from the profile; false leaves one alone.'),
  runtime: z.enum(HOST_RUNTIMES).optional().describe('What runs the storage node. Default: none (its own service).'),
  nics: z
    .record(name, z.string().regex(NIC))
    .optional()
    .describe(
      "Network cards: their MAC address, or the kernel's name of the port. Theirs here is what a MAC is renamed to.",
    ),
  bonds: z.record(name, bond).optional().describe('LACP bonds (802.3ad).'),
  networks: z.record(label, network).optional().describe('Networks; "storage" is the one between the nodes.'),
  drives: z
    .record(z.string().regex(DRIVE_NAME), drive)
    .optional()
    .describe("Devices of the node's drives, by the name of the drive."),
  walDrive: drive.optional().describe("Device of the node's write-ahead log."),
  timeServers: z.array(z.string().regex(SERVER)).min(1).optional().describe('NTP servers.'),
  users: z
    .record(
      z.string().regex(USER),
      z.strictObject({
        keys: z.array(z.string().regex(KEY)).min(1).optional().describe('Public SSH keys.'),
        sudo: z.boolean().optional().describe('Whether it may do everything. Default: no.'),
      }),
    )
    .optional()
    .describe('People who may log in.'),
};

const hostClass = z.strictObject(hostShape);
const machine = z.strictObject({ class: label.optional().describe('The class that it belongs to.'), ...hostShape });

export const hostsSchema = z
  .strictObject({
    classes: z.record(label, hostClass).optional().describe('What machines have in common.'),
    machines: z.record(label, machine).describe('The machines, by the name of the node that runs there.'),
  })
  .describe('The machines themselves, for cloud-init: networks, drives, and what the system is tuned for.');

export type HostsDocument = z.output<typeof hostsSchema>;
export type HostClassDocument = z.output<typeof hostClass>;
export type MachineDocument = z.output<typeof machine>;
export type DriveDocument = z.output<typeof drive>;

/** What may stand at a place (names as hostPlace gives them). */
export const HOST_KEYS: Readonly<Record<string, readonly string[]>> = {
  hosts: ['classes', 'machines'],
  'hosts.classes.*': Object.keys(hostShape),
  'hosts.machines.*': ['class', ...Object.keys(hostShape)],
  'host.settings': HOST_SETTING_IDS,
  'host.bonds.*': Object.keys(bond.shape),
  'host.networks.*': Object.keys(network.shape),
  'host.networks.*.routes.*': ['to', 'via'],
  'host.drives.*': Object.keys(drive.shape),
  'host.walDrive': Object.keys(drive.shape),
  'host.users.*': ['keys', 'sudo'],
};
