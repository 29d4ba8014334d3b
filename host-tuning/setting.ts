// What a setting of a host is: its value (which may depend on the memory of the host), how it is put in force and checked there,
// why it is as it is, and who says so. Pure.
import type { HostProfile, HostRuntime, SettingValue } from '../spec/hosts-choices.ts';

/**
 * A share of the host's memory, between two limits: computed on the host, because a rack has machines of several sizes and a
 * guest must bear it, too.
 */
export interface MemoryShare {
  readonly perMille: number;
  /** In the setting's own unit, as is the result. */
  readonly min: number;
  readonly max: number;
  readonly unitBytes: 1 | 1024;
  /** Stands before the number, for settings of three numbers: "4096 131072". */
  readonly before?: string;
}

export type Value = SettingValue | MemoryShare;

/**
 * How a setting is put in force and checked: a key of sysctl; a file of sysfs; the queue of every drive; every card that carries the
 * storage network; the error handling of every file system; a service; a limit of the container engine; the order of units.
 */
export type SettingKind =
  | 'sysctl'
  | 'hugepages'
  | 'governor'
  | 'queue'
  | 'xfs'
  | 'ring'
  | 'queues'
  | 'irqs'
  | 'service'
  | 'limit'
  | 'units';

export interface SettingRow {
  readonly kind: SettingKind;
  readonly values: Readonly<Record<HostProfile, Value>>;
  /** Only with these; everywhere when left out. */
  readonly runtimes?: readonly HostRuntime[];
  readonly reason: string;
  readonly source: string;
}

/** Two sources that say different things, and what was chosen. */
export interface Conflict {
  readonly about: string;
  readonly said: string;
  readonly chosen: string;
  readonly why: string;
}

export function isMemoryShare(value: Value): value is MemoryShare {
  return typeof value === 'object';
}

/** As it stands in the host's table: "1", or "4096 131072 ram 1 4194304 67108864 1", which the scripts compute. */
export function tableText(value: Exclude<Value, false>): string {
  if (!isMemoryShare(value)) return String(value);
  const { perMille, min, max, unitBytes, before } = value;
  return [...(before === undefined ? [] : [before]), 'ram', perMille, min, max, unitBytes].join(' ');
}

/** For people: "1 % of memory, 64 MiB to 1 GiB". */
export function valueText(value: Value): string {
  if (value === false) return 'left alone';
  if (!isMemoryShare(value)) return String(value);
  const { perMille, min, max, unitBytes, before } = value;
  const share = `${perMille / 10} % of memory, ${sizeText(min * unitBytes)} to ${sizeText(max * unitBytes)}`;
  return before === undefined ? share : `${before}, and ${share}`;
}

function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(3, Math.floor(Math.log2(bytes) / 10));
  return `${Number((bytes / 2 ** (10 * power)).toFixed(1))} ${units[power]}`;
}
