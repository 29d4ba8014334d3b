// Spec and the name of a host in, everything that is to be true of that host out: pure, the same value for the same input. The
// renderers and the doctor start from this.
import { createHash } from 'node:crypto';
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { type HostDrive, type HostSpec, storageNetwork } from '../spec/hosts.ts';
import { HOST_SETTING_IDS, type HostSettingId } from '../spec/hosts-choices.ts';
import { HostError } from './errors.ts';
import type { SettingKind, Value } from './setting.ts';
import { SETTINGS_TABLE } from './settings-table.ts';

export interface HostDescription {
  readonly cluster: string;
  readonly host: HostSpec;
  /** Without those that are left alone, in the order of the table. */
  readonly settings: readonly HostSetting[];
  readonly drives: readonly DescribedDrive[];
  /** The other hosts of the spec, at their addresses in the storage network. */
  readonly peers: readonly Peer[];
  /** Who owns the directories of the drives: the user of the storage node, by number. */
  readonly ownerId: number;
}

export interface HostSetting {
  readonly id: HostSettingId;
  readonly kind: SettingKind;
  readonly value: Exclude<Value, false>;
  readonly reason: string;
  /** "the spec" where it overrides the profile. */
  readonly source: string;
}

export interface DescribedDrive extends HostDrive {
  /** Of the file system: of this drive of this node on this very device, and of nothing else. */
  readonly uuid: string;
}

export interface Peer {
  readonly name: string;
  readonly address: string;
}

/** The user in our image (node/image/Dockerfile); other engines' images run as root. */
const ASHLAR_USER_ID = 10_001;

/** Throws HostError when the spec does not describe the host. */
export function describeHost(spec: ClusterSpec, name: string): HostDescription {
  const host = spec.hosts.find((candidate) => candidate.name === name);
  if (host === undefined) throw new HostError('input', notDescribed(spec, name));
  return {
    cluster: spec.name,
    host,
    settings: settingsOf(host),
    drives: host.drives.map((drive) => ({
      ...drive,
      uuid: uuidOf('drive', spec.name, host.name, drive.name, drive.by, drive.id),
    })),
    peers: spec.hosts
      .filter((other) => other.name !== name)
      .map((other) => ({ name: other.name, address: storageNetwork(other).addresses[0]!.replace(/\/.*/, '') })),
    ownerId: spec.engine === 'ashlar' ? ASHLAR_USER_ID : 0,
  };
}

/** undefined: the host leaves it alone. */
export function settingOf({ settings }: HostDescription, id: HostSettingId): HostSetting | undefined {
  return settings.find((setting) => setting.id === id);
}

/** The same for the same words: a UUID of our own making (version 8 of RFC 9562). */
export function uuidOf(...words: readonly string[]): string {
  const hex = createHash('sha256')
    .update(`ashlar\0${words.join('\0')}`)
    .digest('hex');
  const variant = ((Number.parseInt(hex.slice(16, 18), 16) & 0x3f) | 0x80).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    variant + hex.slice(18, 20),
    hex.slice(20, 32),
  ].join('-');
}

function settingsOf(host: HostSpec): HostSetting[] {
  return HOST_SETTING_IDS.flatMap((id): HostSetting[] => {
    const { kind, values, runtimes, reason, source } = SETTINGS_TABLE[id];
    const own = host.settings[id];
    if (own === undefined && runtimes !== undefined && !runtimes.includes(host.runtime)) return [];
    const value = own ?? values[host.profile];
    return value === false ? [] : [{ id, kind, value, reason, source: own === undefined ? source : 'the spec' }];
  });
}

function notDescribed(spec: ClusterSpec, name: string): string {
  if (spec.hosts.length === 0)
    return `the spec of ${spec.name} says nothing about its machines; examples/bare-metal.yaml shows how ("hosts")`;
  const known = spec.hosts.map((host) => host.name).join(', ');
  return `the spec of ${spec.name} does not describe a machine ${name}; it has ${known}`;
}
