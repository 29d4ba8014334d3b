// What other people's Pulumi programs may use: import { StorageCluster } from 'ashlar/kubernetes'. It needs @pulumi/pulumi and
// @pulumi/kubernetes, which are optional dependencies of the package.
export { type BootData, HostError, HostTuning, type HostTuningArgs } from '../host-tuning/pulumi.ts';
export type { ClusterSecrets } from '../secret-files.ts';
export { type ClusterState, readClusterState } from './cluster-state.ts';
export { type DescribeProps, describeKubernetes, type KubernetesStack, type StackZone } from './describe.ts';
export { KubernetesError } from './errors.ts';
export { problemsWithRunning } from './immutable.ts';
export { type Kubectl, kubectlOf } from './kubectl.ts';
export { type Manifest, manifestText } from './manifest.ts';
export { zoneRollout } from './program.ts';
export { renderKubernetes } from './render.ts';
export { type RollOutcome, type RollPort, type RollProps, roll } from './roll.ts';
export { rollPort } from './roller.ts';
export { type KubernetesSettings, type KubernetesSettingsInput, parseKubernetesSettings } from './settings.ts';
export { StorageCluster, type StorageClusterArgs, type ZoneRollout } from './storage-cluster.ts';
