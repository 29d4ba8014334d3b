// What a Kubernetes testbed has beside what every testbed has: a host for its control plane, and networks for pods and services.
import { join } from 'node:path';
import * as base from '../layout.ts';

export interface KubernetesHost extends base.HostLayout {
  /** "10.79.1.0/24": of the pods on this host. */
  readonly podNetwork: string;
  /** Of its containerd, for ctr and crictl. */
  readonly runtimeSocket: string;
}

/** etcd, the API server, its controllers, the scheduler and the DNS of the cluster: processes in one network namespace. */
export interface ControlLayout extends base.NetworkMember {
  readonly directory: string;
}

export interface KubernetesLayout extends base.TestbedLayout<KubernetesHost> {
  readonly control: ControlLayout;
  /** "https://10.77.0.3:6443", from where the clients are. */
  readonly apiServer: string;
  /** For whoever runs the testbed, from the machine's own network. */
  readonly kubeconfig: string;
  /** The same, from where the clients are. */
  readonly clientKubeconfig: string;
}

export type KubernetesShape = Omit<base.TestbedShape, 'kind'>;

export const API_PORT = 6443;
export const POD_NETWORK = '10.79.0.0/16';
export const SERVICE_NETWORK = '10.80.0.0/16';
export const CLUSTER_DOMAIN = 'cluster.local';
const CONTROL_ADDRESS = '10.77.0.3';

/** Throws TestbedError for a shape that cannot be. */
export function kubernetesLayout(shape: KubernetesShape): KubernetesLayout {
  const layout = base.testbedLayout({ ...shape, kind: 'kubernetes' });
  const hosts = layout.hosts.map(
    (host, index): KubernetesHost => ({
      ...host,
      podNetwork: `10.79.${index + 1}.0/24`,
      runtimeSocket: join(host.directory, 'containerd.sock'),
    }),
  );
  return {
    ...layout,
    hosts,
    control: {
      ...base.memberOf(layout.name, 'control', CONTROL_ADDRESS),
      directory: join(layout.directory, 'control'),
    },
    apiServer: `https://${CONTROL_ADDRESS}:${API_PORT}`,
    kubeconfig: join(layout.directory, 'kubeconfig'),
    clientKubeconfig: join(layout.directory, 'client.kubeconfig'),
  };
}
