// A whole cluster for one test: real node processes on free loopback ports in a temporary directory, with the accidents that
// a test may want. Promises that nothing of it is left behind, neither a process nor a file, however the test ends; and that
// any number of them may run at the same time.
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { StatusReport } from '../../node/admin/status.ts';
import type { Credentials } from '../credentials.ts';
import { nodeOf, requireNode, requireSlot, requireZone } from './addressing.ts';
import { type BroughtUp, bringUp } from './bring-up.ts';
import { defaultPrograms, endpointUrl, nodeAddress, type Programs, runningProcess } from './cluster-processes.ts';
import { type CorruptionProps, corruptDriveFiles, type FlippedByte, needsNodeDown } from './corruption.ts';
import type { LocalCluster } from './data-directory.ts';
import { type DrillAction, type DrillKind, drill } from './drill.ts';
import { LocalError } from './errors.ts';
import { localStatus } from './local-status.ts';
import { removeCluster } from './remove-cluster.ts';
import { type TestShape, testSpec } from './test-spec.ts';

export interface TestClusterOptions extends TestShape {
  /** How long the cluster may take to start, and a node to come back. Default 60,000. */
  readonly timeoutMs?: number;
  /** For tests of the test cluster itself: another storage node. */
  readonly programs?: Partial<Programs>;
}

export interface TestNode {
  readonly name: string;
  readonly zone: string;
  /** The node itself, past the endpoint that survives its loss. */
  readonly endpoint: string;
  /** "node/drive" */
  readonly drives: readonly string[];
}

/** Resolves when every node is ready. Rejects with an error that says what to do; then nothing is left behind. */
export async function createTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  requireRuntime();
  const spec = testSpec(options);
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-test-'));
  const programs = { ...defaultPrograms(), ...options.programs };
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  try {
    const broughtUp = await bringUp({
      directory,
      spec,
      specDirectory: directory,
      port: 'free',
      temporary: true,
      programs,
      timeoutMs,
    });
    return new TestCluster(broughtUp, programs, timeoutMs);
  } catch (error) {
    await removeCluster(directory);
    throw error;
  }
}

/** Made by createTestCluster. `await using` stops it at the end of the scope. */
export class TestCluster implements AsyncDisposable {
  /** "http://127.0.0.1:PORT"; use path-style addresses. Survives the loss of nodes. */
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: Credentials;
  readonly zones: readonly string[];
  readonly nodes: readonly TestNode[];
  /** Holds the data and the logs until stop(). */
  readonly directory: string;
  readonly #cluster: LocalCluster;
  readonly #programs: Programs;
  readonly #timeoutMs: number;
  /** Open as long as this process lives; when it closes, the balancer takes the cluster down. */
  readonly #lifeline: Writable | null;

  constructor(broughtUp: BroughtUp, programs: Programs, timeoutMs: number) {
    const { cluster } = broughtUp;
    const { spec } = cluster.state;
    this.#cluster = cluster;
    this.#programs = programs;
    this.#timeoutMs = timeoutMs;
    this.#lifeline = broughtUp.lifeline;
    this.endpoint = endpointUrl(cluster);
    this.region = spec.region;
    this.credentials = cluster.credentials;
    this.directory = cluster.directory;
    this.zones = spec.zones;
    this.nodes = spec.nodes.map(({ name, zone, drives }) => ({
      name,
      zone,
      endpoint: `http://${nodeAddress(cluster, name).host}:${nodeAddress(cluster, name).port}`,
      drives: drives.map((drive) => `${name}/${drive.name}`),
    }));
  }

  /** SIGKILL. Connections to the node break; new ones go to others. */
  async killNode(name: string): Promise<void> {
    this.#requireRunning([requireNode(this.#cluster, name)]);
    await this.#drill('kill', 'node', name);
  }

  /** Starts a killed node again, with drives admitted that were wiped meanwhile; resolves when it is ready. */
  async reviveNode(name: string): Promise<void> {
    await this.#drill('revive', 'node', name);
  }

  /** SIGKILL to all nodes of the zone at once. */
  async loseZone(name: string): Promise<void> {
    this.#requireRunning(requireZone(this.#cluster, name));
    await this.#drill('kill', 'zone', name);
  }

  async reviveZone(name: string): Promise<void> {
    await this.#drill('revive', 'zone', name);
  }

  /** The drive dies under its node, which is restarted with it unusable. */
  async killDrive(slot: string): Promise<void> {
    await this.#drill('kill', 'drive', slot);
  }

  /** The drive comes back with what it held. */
  async reviveDrive(slot: string): Promise<void> {
    await this.#drill('revive', 'drive', slot);
  }

  /**
   * As if somebody had swapped the disk for a blank one: everything on it is gone, and the cluster admits it in place of the
   * lost one. Of a node that does not run the files are deleted, and reviveNode does the rest.
   */
  async wipeDrive(slot: string): Promise<void> {
    const node = requireSlot(this.#cluster, slot).split('/')[0]!;
    const runs = runningProcess(this.#cluster, node) !== null;
    if (runs) await this.#drill('kill', 'drive', slot);
    await this.#drill('wipe', 'drive', slot);
    if (runs) await this.#drill('revive', 'drive', slot);
  }

  /**
   * Flips bytes in the shards or manifests of a drive while its node runs, and says where. The log and the index can only be
   * corrupted while the node is killed. Rejects when the drive holds nothing to flip.
   */
  async corruptDrive(slot: string, props: CorruptionProps = {}): Promise<FlippedByte[]> {
    const what = props.what ?? 'shards';
    const node = nodeOf(requireSlot(this.#cluster, slot));
    if (needsNodeDown(what) && runningProcess(this.#cluster, node) !== null) {
      throw new LocalError('input', `node ${node} runs and uses the ${what} of drive ${slot}; killNode() it first`);
    }
    const flipped = corruptDriveFiles(this.#cluster, slot, props);
    if (flipped.length === 0) {
      throw new LocalError('input', `drive ${slot} holds nothing to corrupt (${what}); write some objects first`);
    }
    return flipped;
  }

  /** What the nodes say about the cluster. Rejects when none answers. */
  async status(): Promise<StatusReport> {
    const { report } = await localStatus(this.#cluster);
    if (report === null) throw new LocalError('failure', 'no node answers; revive one with reviveNode()');
    return report;
  }

  /** Resolves when everything has full redundancy again. Rejects with what stands against it. */
  async waitHealthy({ timeoutMs = this.#timeoutMs }: { timeoutMs?: number } = {}): Promise<void> {
    const endMs = performance.now() + timeoutMs;
    for (;;) {
      const { healthy, report, nodes } = await localStatus(this.#cluster);
      if (healthy) return;
      if (performance.now() >= endMs) {
        const stopped = nodes.filter((node) => node.pid === null).map((node) => `node ${node.name} does not run`);
        const reasons = [...stopped, ...(report?.reasons ?? ['no node answers'])];
        const health = report?.health ?? 'unavailable';
        throw new LocalError('failure', `the cluster is ${health} after ${timeoutMs} ms: ${reasons.join('; ')}`);
      }
      await delay(HEALTH_POLL_MS);
    }
  }

  /** Ends every process and deletes every file of the cluster. May be called more than once. */
  async stop(): Promise<void> {
    await removeCluster(this.directory);
    this.#lifeline?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** A test that kills what is dead has lost track, and would go on to prove nothing. */
  #requireRunning(nodes: readonly string[]): void {
    const dead = nodes.filter((name) => runningProcess(this.#cluster, name) === null);
    if (dead.length < nodes.length) return;
    throw new LocalError('input', `${dead.join(', ')} does not run; revive it first (reviveNode, reviveZone)`);
  }

  async #drill(action: DrillAction, kind: DrillKind, name: string): Promise<void> {
    const { cluster, programs, timeoutMs } = {
      cluster: this.#cluster,
      programs: this.#programs,
      timeoutMs: this.#timeoutMs,
    };
    await drill({ cluster, action, kind, name, programs, timeoutMs });
  }
}

const DEFAULT_TIMEOUT_MS = 60_000;
const HEALTH_POLL_MS = 100;
const NODE_MAJOR_MIN = 24;

function requireRuntime(): void {
  const version = process.versions.node;
  if (Number(version.split('.')[0]) >= NODE_MAJOR_MIN) return;
  throw new LocalError('input', `Ashlar needs Node ${NODE_MAJOR_MIN} or newer, and this is ${version}`);
}
