// Answers in the shape in which kubectl prints them, of a Kubernetes 1.33 with three zones, with no more in them than is read; and a kubectl
// that gives them.
import type { Kubectl } from '../../../stacks/kubernetes/kubectl.ts';

export interface Recorded {
  [question: string]: unknown;
}

const host = (name: string, zone: string) => ({
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zone } },
  spec: { podCIDR: '10.244.1.0/24' },
  status: {
    allocatable: { cpu: '7910m', memory: '32Gi', pods: '110' },
    conditions: [
      { type: 'MemoryPressure', status: 'False' },
      { type: 'Ready', status: 'True' },
    ],
  },
});

/** By the words after `kubectl`, without flags. */
export const healthy = (): Recorded => ({
  version: { clientVersion: { minor: '32' }, serverVersion: { major: '1', minor: '33+', gitVersion: 'v1.33.13' } },
  'get nodes': { items: ['a', 'b', 'c'].flatMap((zone) => [1, 2, 3].map((i) => host(`${zone}${i}`, zone))) },
  'get storageclasses': {
    items: [
      {
        metadata: { name: 'local-nvme', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
        volumeBindingMode: 'WaitForFirstConsumer',
        allowVolumeExpansion: true,
        reclaimPolicy: 'Retain',
      },
      { metadata: { name: 'network' }, volumeBindingMode: 'Immediate', reclaimPolicy: 'Delete' },
    ],
  },
  'get persistentvolumes': { items: [] },
  'get namespace ashlar': {
    metadata: { name: 'ashlar', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    status: { phase: 'Active' },
  },
  'get statefulsets,pods': { items: [] },
});

/** refused: what "auth can-i" says no to. What is not recorded is not there. */
export function recordedKubectl(answers: Recorded, refused: readonly string[] = []): Kubectl {
  return {
    try: async (args) => {
      const flag = args.findIndex((arg) => arg.startsWith('-'));
      const words = args.slice(0, flag < 0 ? undefined : flag).join(' ');
      if (words.startsWith('auth can-i ')) {
        const no = refused.includes(words.slice('auth can-i '.length));
        return { exitCode: no ? 1 : 0, stdout: no ? 'no\n' : 'yes\n', stderr: '' };
      }
      const answer = answers[words];
      if (answer !== undefined) return { exitCode: 0, stdout: JSON.stringify(answer), stderr: '' };
      if (args.includes('--ignore-not-found')) return { exitCode: 0, stdout: '', stderr: '' };
      return { exitCode: 1, stdout: '', stderr: `error: nothing was recorded for ${words}` };
    },
    forward: async (pod) => {
      throw new Error(`nothing was recorded for a way to ${pod}`);
    },
  };
}
