// What a person with kubectl sees of the cluster in a testbed.
import { setTimeout as delay } from 'node:timers/promises';
import { type ProgramResult, run } from '../programs.ts';

export interface PodView {
  readonly name: string;
  readonly host: string;
  readonly uid: string;
  readonly image: string;
  readonly isReady: boolean;
}

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string; readonly uid: string; readonly deletionTimestamp?: string };
    readonly spec: { readonly nodeName?: string; readonly containers: readonly { readonly image: string }[] };
    readonly status: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] };
  }[];
}

const WATCH_INTERVAL_MS = 250;

export class ClusterView {
  readonly #kubeconfig: string;
  readonly #namespace: string;

  constructor(kubeconfig: string, namespace: string) {
    this.#kubeconfig = kubeconfig;
    this.#namespace = namespace;
  }

  /** In the namespace. Rejects when it exits with another code than 0, unless told that it may. */
  kubectl(args: readonly string[], mustSucceed = true): Promise<ProgramResult> {
    return run('kubectl', ['--kubeconfig', this.#kubeconfig, '--namespace', this.#namespace, ...args], { mustSucceed });
  }

  /** Of the storage nodes, by name. */
  async pods(): Promise<PodView[]> {
    const selector = ['-l', 'app.kubernetes.io/component=storage'];
    const { items } = JSON.parse((await this.kubectl(['get', 'pods', ...selector, '-o', 'json'])).stdout) as Listed;
    return items.map(({ metadata, spec, status }) => ({
      name: metadata.name,
      host: spec.nodeName ?? '',
      uid: metadata.uid,
      image: spec.containers[0]!.image,
      isReady:
        metadata.deletionTimestamp === undefined &&
        (status.conditions ?? []).some((condition) => condition.type === 'Ready' && condition.status === 'True'),
    }));
  }

  /** Pods that the disruption budget would let go now. */
  async disruptionsAllowed(): Promise<number> {
    const { stdout } = await this.kubectl(['get', 'pdb', '-o', 'jsonpath={.items[*].status.disruptionsAllowed}']);
    return Number(stdout);
  }

  /** "NAME PHASE", sorted. */
  async claims(): Promise<string[]> {
    const format = '{range .items[*]}{.metadata.name} {.status.phase}{"\\n"}{end}';
    const { stdout } = await this.kubectl(['get', 'pvc', '-o', `jsonpath=${format}`]);
    return stdout.split('\n').filter(Boolean).sort();
  }

  /** Until stopped; resolves with the largest number of so many pods that were not ready, or not there, at the same time. */
  async watchUnready(podCount: number, stop: AbortSignal): Promise<number> {
    let unreadyMax = 0;
    while (!stop.aborted) {
      const ready = (await this.pods()).filter(({ isReady }) => isReady).length;
      unreadyMax = Math.max(unreadyMax, podCount - ready);
      await delay(WATCH_INTERVAL_MS);
    }
    return unreadyMax;
  }
}
