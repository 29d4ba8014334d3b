// The cdktf construct of the machines of a spec. It makes no machine and needs no provider: it has what each must be given at its
// first boot, as strings for whatever resource makes machines in your app.
import { TerraformOutput } from 'cdktf';
import { Construct } from 'constructs';
import { type BootData, type BootDataOptions, bootData } from '../../host-tuning/boot-data.ts';
import { readHostScripts } from '../../host-tuning/scripts.ts';
import type { ClusterSpec } from '../../spec/cluster-spec.ts';
import { literal, resourceName } from '../swarm/terraform-text.ts';

export { HostError } from '../../host-tuning/errors.ts';
export type { BootData };

export interface HostTuningProps extends BootDataOptions {
  readonly spec: ClusterSpec;
}

export class HostTuning extends Construct {
  /**
   * By the name of the node. Texts are written for Terraform: "${" in a script is "$${" here, and "${" again in what a resource gets,
   * so they belong into resources and not into files.
   */
  readonly hosts: ReadonlyMap<string, BootData>;

  /** Throws HostError when the spec has no such machine, or its data are too large. */
  constructor(scope: Construct, id: string, { spec, ...options }: HostTuningProps) {
    super(scope, id);
    this.hosts = new Map([...bootData(spec, readHostScripts(), options)].map(([name, data]) => [name, escaped(data)]));
    for (const [name, { userDataGzipBase64, metaData, networkConfig }] of this.hosts) {
      const output = new TerraformOutput(this, name, {
        value: { user_data_gzip_base64: userDataGzipBase64, meta_data: metaData, network_config: networkConfig },
        // No secret, but twenty kilobytes that nobody wants to see in a diff. Other stacks read them all the same.
        sensitive: true,
      });
      output.overrideLogicalId(resourceName(`${spec.name}-host-${name}`));
    }
  }
}

function escaped(data: BootData): BootData {
  return {
    name: data.name,
    userData: literal(data.userData),
    userDataGzipBase64: data.userDataGzipBase64,
    metaData: literal(data.metaData),
    networkConfig: literal(data.networkConfig),
    applyScript: literal(data.applyScript),
    doctorScript: literal(data.doctorScript),
  };
}
