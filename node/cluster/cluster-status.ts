// What the cluster looks like from here: asks every node for its report, and judges health and what can be spared from the
// answers. Who does not answer counts as not there.
import type { HealReport, NodeReport, StatusReport } from '../admin/status.ts';
import { schemeText } from '../core/cluster-map.ts';
import { judgeHealth, type NodeCondition, objectionsToSparing } from '../core/health.ts';
import { nearestWord } from '../core/nearest-word.ts';
import type { Member } from './member.ts';
import { MEMBERSHIP_METHODS } from './membership-methods.ts';
import type { Scrubber } from './scrub.ts';

const REPORT_TIMEOUT_MS = 2_000;
const SAMPLE_TIMEOUT_MS = 5_000;
/** Read before something is taken down, of every drive that stays: damage that is common enough shows itself. */
const SAMPLE_SHARDS_PER_DRIVE = 8;
const FAILURES_MAX = 20;

export interface ClusterStatusOptions {
  readonly member: Member;
  readonly name: string;
  readonly zone: string;
  readonly heal: () => HealReport;
  readonly scrub: Pick<Scrubber, 'report' | 'startNow' | 'sample'>;
  /** Resident memory of this process. */
  readonly rssBytes: () => number;
}

export interface SpareAnswer {
  readonly ok: boolean;
  readonly reasons: readonly string[];
}

/** There is no such node, or no such zone. */
export class UnknownTargetError extends Error {
  override readonly name = 'UnknownTargetError';
}

export class ClusterStatus {
  readonly #options: ClusterStatusOptions;

  constructor(options: ClusterStatusOptions) {
    this.#options = options;
    options.member.rpc.handle(MEMBERSHIP_METHODS.report, async () => ({ report: JSON.stringify(await this.own()) }));
    options.member.rpc.handle(MEMBERSHIP_METHODS.scrub, async () => {
      options.scrub.startNow();
      return {};
    });
    options.member.rpc.handle(MEMBERSHIP_METHODS.sample, async ({ shardsPerDrive }) => ({
      damaged: await options.scrub.sample(shardsPerDrive),
    }));
  }

  /** This node's own report. */
  async own(): Promise<NodeReport> {
    const { member, name, zone, rssBytes } = this.#options;
    const { map } = member.running.topology.current();
    const drives = map.drives.filter((drive) => drive.node === name);
    return {
      name,
      zone,
      address: member.running.topology.current().node(name).address,
      reachable: true,
      epoch: map.epoch,
      lives: Object.fromEntries(
        map.nodes.map((node) => [node.name, member.running.liveness.state(node.name)?.life ?? '']),
      ),
      ready: member.ready(),
      rssBytes: rssBytes(),
      healing: this.#heal(),
      scrub: this.#options.scrub.report(),
      drives: await Promise.all(
        drives.map(async ({ slot, state }) => {
          const reason = member.driveProblem(slot);
          const local = member.drives.get(slot);
          const status = local?.kind === 'open' ? await local.store.status() : null;
          return {
            slot,
            state: reason === null ? state : ('unusable' as const),
            reason,
            totalBytes: status?.totalBytes ?? 0,
            freeBytes: status?.freeBytes ?? 0,
            shardCount: status?.shardCount ?? 0,
            shardBytes: status?.shardBytes ?? 0,
          };
        }),
      ),
    };
  }

  async whole(): Promise<StatusReport> {
    const topology = this.#options.member.running.topology.current();
    const { map } = topology;
    const reports = await this.#reports();
    const { health, reasons } = judgeHealth(map, topology, conditionsOf(reports));
    return {
      clusterId: map.clusterId,
      scheme: schemeText(map.scheme),
      epoch: map.epoch,
      partitionCount: map.partitionCount,
      health,
      reasons,
      nodes: map.nodes.map((node) => reports.get(node.name) ?? unreachable(node, map.drives)),
    };
  }

  /** May this node, or this whole zone, be taken down now? Rejects with UnknownTargetError. */
  async spare(target: { readonly node: string } | { readonly zone: string }): Promise<SpareAnswer> {
    const topology = this.#options.member.running.topology.current();
    const names = nodesMeant(target, topology.map.nodes);
    // First: what the samples find is in the reports then.
    const damaged = await this.#sampleAllBut(names);
    const conditions = conditionsOf(await this.#reports());
    const reasons = [...damaged, ...objectionsToSparing(topology.map, topology, conditions, names)];
    return { ok: reasons.length === 0, reasons };
  }

  /** What damage samples of the drives show that are to stay. A node that does not answer is judged by its missing report. */
  async #sampleAllBut(nodeNames: readonly string[]): Promise<string[]> {
    const { member } = this.#options;
    const { nodes } = member.running.topology.current().map;
    const staying = nodes.map(({ name }) => name).filter((name) => !nodeNames.includes(name));
    const request = { shardsPerDrive: SAMPLE_SHARDS_PER_DRIVE };
    const ask = async (node: string): Promise<string[]> => {
      try {
        const timing = { timeoutMs: SAMPLE_TIMEOUT_MS };
        return (await member.rpc.call(node, MEMBERSHIP_METHODS.sample, request, timing)).damaged;
      } catch (error) {
        if (!member.running.topology.seemsUp(node)) return [];
        return [`${node} could not verify a sample of its shards: ${error instanceof Error ? error.message : error}`];
      }
    };
    return (await Promise.all(staying.map(ask))).flat();
  }

  /** Has every node begin a new pass over all of its drives. Gives the nodes that did, and those that did not answer. */
  async startScrub(): Promise<{ started: string[]; silent: string[] }> {
    const { member } = this.#options;
    const names = member.running.topology.current().map.nodes.map(({ name }) => name);
    const asked = await Promise.allSettled(
      names.map((name) => member.rpc.call(name, MEMBERSHIP_METHODS.scrub, {}, { timeoutMs: REPORT_TIMEOUT_MS })),
    );
    const isStarted = (at: number) => asked[at]!.status === 'fulfilled';
    return { started: names.filter((_, at) => isStarted(at)), silent: names.filter((_, at) => !isStarted(at)) };
  }

  /** What is known to be missing, of registers and of shards together. */
  #heal(): HealReport {
    const { catchUp } = this.#options.member.running;
    const heal = this.#options.heal();
    const unrepaired = this.#options.scrub.report().flatMap((drive) => drive.unrepaired);
    return {
      ...heal,
      pending: heal.pending + catchUp.pending() + unrepaired.length,
      behind: catchUp.behind(),
      registersHealed: heal.registersHealed + catchUp.healed(),
      failures: [...unrepaired, ...heal.failures].slice(-FAILURES_MAX),
    };
  }

  /** By node; null for nodes that do not answer. */
  async #reports(): Promise<ReadonlyMap<string, NodeReport | null>> {
    const { member } = this.#options;
    const { nodes } = member.running.topology.current().map;
    const ask = async (node: string): Promise<NodeReport | null> => {
      try {
        const { report } = await member.rpc.call(node, MEMBERSHIP_METHODS.report, {}, { timeoutMs: REPORT_TIMEOUT_MS });
        return JSON.parse(report);
      } catch {
        // That it does not answer is the report.
        return null;
      }
    };
    return new Map(await Promise.all(nodes.map(async ({ name }) => [name, await ask(name)] as const)));
  }
}

/** The names of the nodes that the target is. Throws UnknownTargetError. */
function nodesMeant(
  target: { readonly node: string } | { readonly zone: string },
  nodes: readonly { readonly name: string; readonly zone: string }[],
): string[] {
  const kind = 'node' in target ? 'node' : 'zone';
  const wanted = 'node' in target ? target.node : target.zone;
  const named = nodes.filter(({ name, zone }) => (kind === 'node' ? name : zone) === wanted);
  if (named.length > 0) return named.map(({ name }) => name);
  const known = [...new Set(nodes.map(({ name, zone }) => (kind === 'node' ? name : zone)))];
  const nearest = nearestWord(wanted, known);
  const hint = nearest === null ? `the ${kind}s are ${known.join(', ')}` : `did you mean ${nearest}?`;
  throw new UnknownTargetError(`there is no ${kind} ${wanted} in this cluster; ${hint}`);
}

function conditionsOf(reports: ReadonlyMap<string, NodeReport | null>): Map<string, NodeCondition | null> {
  const conditions = new Map<string, NodeCondition | null>();
  for (const [name, report] of reports) {
    conditions.set(
      name,
      report && {
        epoch: report.epoch,
        lives: report.lives,
        ready: report.ready,
        usableSlots: report.drives.filter((drive) => drive.state !== 'unusable').map((drive) => drive.slot),
        pending: report.healing?.pending ?? 0,
        behind: report.healing?.behind ?? {},
        comparedSinceMapChange: report.healing?.comparedSinceMapChange ?? false,
      },
    );
  }
  return conditions;
}

function unreachable(
  node: { readonly name: string; readonly zone: string; readonly address: string },
  drives: readonly { readonly slot: string; readonly node: string; readonly state: 'up' | 'down' }[],
): NodeReport {
  return {
    ...node,
    reachable: false,
    epoch: 0,
    lives: {},
    ready: false,
    rssBytes: 0,
    healing: null,
    scrub: [],
    drives: drives
      .filter((drive) => drive.node === node.name)
      .map(({ slot, state }) => ({
        slot,
        state,
        reason: null,
        totalBytes: 0,
        freeBytes: 0,
        shardCount: 0,
        shardBytes: 0,
      })),
  };
}
