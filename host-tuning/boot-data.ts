// What machines are given at their first boot, as values for whoever makes machines: cloud-init data as text, and packed for providers
// that take little. Pure: the same spec gives the same values.
import { gzipSync } from 'node:zlib';
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { describeHost } from './describe-host.ts';
import { HostError } from './errors.ts';
import { renderHost } from './render-host.ts';
import type { HostScripts } from './scripts.ts';

export interface BootDataOptions {
  /** By the names of their nodes; without it every machine of the spec. */
  readonly hosts?: readonly string[];
  /** What the provider takes as user-data, before any base64 (EC2: 16384). A host whose packed user-data is larger is refused. */
  readonly userDataBytesMax?: number;
}

export interface BootData {
  readonly name: string;
  /** cloud-config, some 55 KB. */
  readonly userData: string;
  /** The same, gzip in base64, some 13 KB before the base64; cloud-init unpacks it. */
  readonly userDataGzipBase64: string;
  readonly metaData: string;
  /** Version 2, for NoCloud. What it leaves out is in userData (docs/host-tuning.md). */
  readonly networkConfig: string;
  /** Brings a machine that runs already to what the spec says. */
  readonly applyScript: string;
  /** Says whether it is so. */
  readonly doctorScript: string;
}

/** By name, in the order of the spec. Throws HostError when there is no such machine, or its data are too large. */
export function bootData(
  spec: ClusterSpec,
  scripts: HostScripts,
  { hosts, userDataBytesMax }: BootDataOptions = {},
): Map<string, BootData> {
  if (spec.hosts.length === 0) throw new HostError('input', `there is no machine to make: ${spec.name} has no "hosts"`);
  const names = hosts ?? spec.hosts.map(({ name }) => name);
  return new Map(names.map((name) => [name, dataOf(spec, name, scripts, userDataBytesMax ?? null)]));
}

function dataOf(spec: ClusterSpec, name: string, scripts: HostScripts, sizeBytesMax: number | null): BootData {
  const files = renderHost(describeHost(spec, name), scripts);
  const userData = files.get('user-data')!;
  const packed = gzip(userData);
  if (sizeBytesMax !== null && packed.length > sizeBytesMax)
    throw new HostError(
      'input',
      `the user-data of ${name} has ${packed.length} bytes when packed, and the provider takes ${sizeBytesMax}; give the machine its seed as an image or over HTTP instead`,
    );
  return {
    name,
    userData,
    userDataGzipBase64: packed.toString('base64'),
    metaData: files.get('meta-data')!,
    networkConfig: files.get('network-config')!,
    applyScript: files.get('apply.sh')!,
    doctorScript: files.get('doctor.sh')!,
  };
}

/** Without the time, which Node leaves out, and without the operating system of whoever packs (RFC 1952, OS = 255: unknown). */
function gzip(text: string): Buffer {
  const packed = gzipSync(text, { level: 9 });
  packed[9] = 255;
  return packed;
}
