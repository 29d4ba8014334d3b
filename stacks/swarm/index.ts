// What other people's cdktf apps may use: import { StorageCluster } from 'ashlar/swarm'. It needs cdktf, constructs and
// @cdktf/provider-docker, which are optional dependencies of the package.
export { Docker } from '../docker.ts';
export { type BootData, HostError, HostTuning, type HostTuningProps } from '../host-tuning/cdktf.ts';
export type { ClusterSecrets } from '../secret-files.ts';
export { dockerProvider } from './app.ts';
export { type DescribeProps, describeSwarm } from './describe.ts';
export { SwarmError } from './errors.ts';
export type { GateCommand } from './gate-command.ts';
export { parseSwarmSettings, type SwarmSettings, type SwarmSettingsInput } from './settings.ts';
export { renderStackFile } from './stack-file.ts';
export { StorageCluster, type StorageClusterProps } from './storage-cluster.ts';
export { type RunningService, readServices } from './swarm-facts.ts';
export type * from './swarm-stack.ts';
