// The Pulumi component of the machines of a spec. It makes no machine and needs no provider: it has what each must be given at its
// first boot, as strings for whatever resource makes machines in your program.
import type { ComponentResourceOptions } from '@pulumi/pulumi';
import pulumi from '@pulumi/pulumi';
import { type BootData, type BootDataOptions, bootData } from '../../host-tuning/boot-data.ts';
import { readHostScripts } from '../../host-tuning/scripts.ts';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';

export { HostError } from '../../host-tuning/errors.ts';
export type { BootData };

export interface HostTuningArgs extends BootDataOptions {
  /** Known when the program runs: it says which machines there are. */
  readonly spec: ClusterSpec;
}

export class HostTuning extends pulumi.ComponentResource {
  /** By the name of the node. */
  readonly hosts: ReadonlyMap<string, BootData>;

  /** Throws HostError when the spec has no such machine, or its data are too large. */
  constructor(name: string, { spec, ...options }: HostTuningArgs, resourceOptions?: ComponentResourceOptions) {
    super('ashlar:hosts:HostTuning', name, {}, resourceOptions);
    this.hosts = bootData(spec, readHostScripts(), options);
    // The scripts are left out: with them the state would have as much again of what it has already.
    this.registerOutputs({
      hosts: Object.fromEntries(
        [...this.hosts].map(([host, { userDataGzipBase64, metaData, networkConfig }]) => [
          host,
          { userDataGzipBase64, metaData, networkConfig },
        ]),
      ),
    });
  }
}
