// A local cluster whose processes suffer: killed, killed while they start, all at once, stopped and continued. The processes are
// those of createTestCluster, real ones on real disks.
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { StatusReport } from '../../node/admin/status.ts';
import { specNode } from '../../stacks/local/addressing.ts';
import { defaultPrograms, runningNodes, runningProcess, startNode } from '../../stacks/local/cluster-processes.ts';
import { type LocalCluster, openCluster } from '../../stacks/local/data-directory.ts';
import { killNodes } from '../../stacks/local/drill-nodes.ts';
import { signalProcess } from '../../stacks/local/processes.ts';
import { awaitReady, startNodes } from '../../stacks/local/revival.ts';
import { createTestCluster, type TestCluster, type TestClusterOptions } from '../../stacks/local/test-cluster.ts';

/** For a start, and for a node to be ready again. */
const DEFAULT_TIMEOUT_MS = 120_000;

export class FaultyCluster implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly #local: LocalCluster;
  readonly #timeoutMs: number;

  private constructor(cluster: TestCluster, timeoutMs: number) {
    this.cluster = cluster;
    this.#timeoutMs = timeoutMs;
    this.#local = openCluster(cluster.directory)!;
  }

  static async start(options: TestClusterOptions): Promise<FaultyCluster> {
    const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    return new FaultyCluster(await createTestCluster({ ...options, timeoutMs }), timeoutMs);
  }

  get nodes(): string[] {
    return this.cluster.nodes.map(({ name }) => name);
  }

  /** The nodes' own addresses, past the balancer. */
  get endpoints(): string[] {
    return this.cluster.nodes.map(({ endpoint }) => endpoint);
  }

  /** Of the nodes that run. */
  pids(): Map<string, number> {
    return new Map(runningNodes(this.#local).map((name) => [name, runningProcess(this.#local, name)!.pid]));
  }

  /** SIGKILL to all of them at the same moment. */
  async kill(nodes: readonly string[]): Promise<void> {
    await killNodes(this.#local, nodes);
  }

  /** Starts the nodes and waits for nothing. */
  startWithoutWaiting(nodes: readonly string[]): void {
    for (const name of nodes) startNode(this.#local, specNode(this.#local, name), defaultPrograms());
  }

  /** Seconds until the nodes were live (recovery is done by then or going on), and until all of them were ready. */
  async revive(nodes: readonly string[]): Promise<{ liveSeconds: number; readySeconds: number }> {
    const setting = { cluster: this.#local, programs: defaultPrograms(), timeoutMs: this.#timeoutMs };
    const startedAt = performance.now();
    await startNodes(setting, nodes);
    const liveSeconds = (performance.now() - startedAt) / 1000;
    const late = await awaitReady(setting, nodes);
    if (late.length > 0) throw new Error(late.join(' '));
    return { liveSeconds, readySeconds: (performance.now() - startedAt) / 1000 };
  }

  /** SIGSTOP: the process hangs with all its connections open, as in a long pause of its machine. */
  pause(node: string): void {
    signalProcess(runningProcess(this.#local, node), 'SIGSTOP');
  }

  resume(node: string): void {
    signalProcess(runningProcess(this.#local, node), 'SIGCONT');
  }

  status(): Promise<StatusReport> {
    return this.cluster.status();
  }

  /** Keeps what the nodes logged, for whoever looks into a failure. */
  async keepLogs(directory: string): Promise<void> {
    await cp(join(this.cluster.directory, 'logs'), join(directory, 'logs'), { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster.stop();
  }
}
