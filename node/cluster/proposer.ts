// Decides changes: for the partitions it leads, this node gives the changes of each key an order, proposes the results to
// the replicas and answers when a write quorum has them on disk. Leading starts with promises from a take-over quorum; a
// key is read back from such a quorum before it is first touched, and what may have been decided before is proposed again.

import { judgeAttempt, rememberAttempt } from '../core/attempts.ts';
import { type Ballot, compareVersions, type Version } from '../core/ballot.ts';
import type { RegisterKey } from '../core/keys.ts';
import type { changeRequest, Fetched, RegisterRecord, RegisterValue } from '../format/register-formats.ts';
import { type Clock, sleep } from '../io/clock.ts';
import { fraction, type Random } from '../io/random.ts';
import { AcceptLanes, type Proposal } from './accept-lanes.ts';
import type { AcceptResult } from './acceptor.ts';
import { type Gathered, gather } from './gather.ts';
import type { Group, Groups } from './groups.ts';
import { decidedAmong, isEmpty, isTombstone, newestAmong } from './read-back.ts';
import { RecordCache } from './record-cache.ts';
import { REGISTER_METHODS } from './register-methods.ts';
import { type Decide, type RegisterState, UnavailableError } from './registers.ts';
import { type Rpc, RpcError } from './rpc.ts';

const CALL_TIMEOUT_MS = 3_000;
/** How long a read-back that already has a take-over quorum waits for the answers that would spare it a proposal. */
const READ_BACK_GRACE_MS = 50;
const ATTEMPTS_MAX = 4;
/** After this long without a proposal, replicas are told how far everything is decided. */
const MARK_DELAY_MS = 100;

/** This node's time in charge of one partition, under one ballot. */
interface Leadership {
  readonly ballot: Ballot;
  readonly group: Group;
  nextSequence: number;
  /** Sequences proposed and not yet decided. */
  readonly open: Set<number>;
  markTimer: boolean;
  /** The highest in which a replica that answered has forgotten registers: what began in an older one may be over already. */
  generation: number;
  /** Set when a higher ballot or a lost quorum ends it; then nothing more may be proposed under it. */
  ended: boolean;
}

export interface ProposerOptions {
  readonly rpc: Rpc;
  readonly groups: Groups;
  readonly clock: Clock;
  readonly random: Random;
  readonly decide: Decide;
  /** Told of every value, decided or possibly so, that a replica did not confirm, so that it can be brought there later. */
  readonly onMissed: (slot: string, key: RegisterKey) => void;
  /** Told when a register has nothing left to remember. */
  readonly onEmptied: (key: RegisterKey) => void;
  /** Told when a value came true here that an earlier proposer left open: nobody may have looked after what it brings with it. */
  readonly onRevived: (key: RegisterKey) => void;
}

export type ChangeRequest = ReturnType<typeof changeRequest.decode>;

export interface ChangeOutcome {
  readonly repeated: boolean;
  readonly reply: Uint8Array;
}

/** As good as a register that was never written. */
const NOTHING: RegisterValue = { live: false, recent: [], payload: new Uint8Array() };

/** Another proposer has taken over, or no quorum answered: this leadership is over. */
class LeadershipLostError extends Error {}

export class Proposer {
  readonly #options: ProposerOptions;
  /** Names this process in ballots; drawn once. */
  readonly #id: string;
  readonly #lanes: AcceptLanes;
  readonly #leading = new Map<number, Promise<Leadership>>();
  readonly #highestRound = new Map<number, number>();
  readonly #cache = new RecordCache();
  readonly #tails = new Map<RegisterKey, Promise<unknown>>();

  constructor(options: ProposerOptions) {
    this.#options = options;
    this.#id = options.random.bytes(8).toString('hex');
    this.#lanes = new AcceptLanes(options.rpc);
  }

  /**
   * Decides and carries out one attempt of a change. Rejects with UnavailableError: then the outcome is unknown; with RpcError
   * 'stale': this attempt did nothing, because it began before something was forgotten, or comes too late to be waited for.
   */
  change({ key, generation, command, ...attempt }: ChangeRequest): Promise<ChangeOutcome> {
    const isRepeat = attempt.number > attempt.first;
    let uncertain = isRepeat;
    /** The reply when nothing was to be written; that it was this may have been recorded under an earlier leadership. */
    let kept: Uint8Array | null = null;
    return this.#inTurn(key, () =>
      this.#whileLeading(key, async (leadership) => {
        const current = await this.#load(leadership, key);
        const recent = current?.value.recent ?? [];
        const verdict = judgeAttempt(recent, attempt);
        if (verdict === 'done') return { repeated: true, reply: new Uint8Array() };
        if (verdict === 'recorded' && kept !== null) return { repeated: false, reply: kept };
        if (verdict === 'recorded' || verdict === 'late') {
          throw new RpcError('stale', 'a newer attempt of the same asker was carried out');
        }
        if (generation < leadership.generation) {
          const why = `this change began in generation ${generation}, before registers were forgotten`;
          throw uncertain ? new UnavailableError(why) : new RpcError('stale', why);
        }
        if (verdict === 'unknown') {
          throw new UnavailableError('an earlier attempt of this change may have been carried out and forgotten since');
        }
        const decision = this.#options.decide(key, stateOf(current), command);
        if (decision.kind === 'write') {
          const { live, payload, reply } = decision;
          uncertain = true;
          await this.#propose(leadership, key, { live, payload, recent: rememberAttempt(recent, attempt, true) });
          return { repeated: false, reply };
        }
        kept = decision.reply;
        if (isRepeat) {
          // An earlier attempt may still be on its way. It must find that it comes too late.
          const { live, payload } = current?.value ?? NOTHING;
          await this.#propose(leadership, key, { live, payload, recent: rememberAttempt(recent, attempt, false) });
        } else {
          await this.#confirm(leadership);
        }
        return { repeated: false, reply: decision.reply };
      }),
    );
  }

  /** The decided record of a register on which replicas disagree; decides it first where that is still open. */
  settle(key: RegisterKey): Promise<RegisterRecord | null> {
    return this.#inTurn(key, () =>
      this.#whileLeading(key, async (leadership) => {
        const cached = this.#cache.get(key, leadership.ballot);
        const record = cached === undefined ? await this.#load(leadership, key) : cached;
        // What was just loaded came from replicas that hold the promise now; what was remembered must be confirmed.
        if (cached !== undefined) await this.#confirm(leadership);
        return record;
      }),
    );
  }

  /**
   * Proposes what is decided once more, under a ballot of its own: a replica that cannot read its record any more takes nothing
   * that comes under a ballot at which it may have accepted what it lost. The others suffice to know the register, because a
   * take-over quorum of them meets every write quorum that the replica was part of. Rejects with UnavailableError.
   */
  rewrite(key: RegisterKey): Promise<void> {
    return this.#inTurn(key, async () => {
      await this.#resign(this.#options.groups.partitionOf(key));
      await this.#whileLeading(key, async (leadership) => {
        const record = await this.#load(leadership, key);
        await this.#propose(leadership, key, record?.value ?? NOTHING);
      });
    });
  }

  /**
   * Has all replicas forget those of these registers that each of them holds as a tombstone of this version; gives their number.
   * generation began after they were seen so. Under a ballot of its own, which every replica promises: then nothing that was
   * proposed before can reach a replica that has forgotten. Rejects when a replica does not answer or has promised another.
   */
  async forget(
    partition: number,
    tombstones: readonly { readonly key: RegisterKey; readonly version: Version }[],
    generation: number,
  ): Promise<number> {
    const { rpc } = this.#options;
    const leadership = await this.#leadAnew(partition);
    const { ballot, group } = leadership;
    const options = { timeoutMs: CALL_TIMEOUT_MS };
    const all = <T>(ask: (replica: Group['replicas'][number]) => Promise<T>) => Promise.all(group.replicas.map(ask));
    const promises = await all(({ slot, node }) =>
      rpc.call(node, REGISTER_METHODS.prepare, { slot, partition, ballot }, options),
    );
    if (promises.some(({ granted }) => !granted)) throw new LeadershipLostError('a higher ballot was promised');
    const keys = tombstones.map(({ key }) => key);
    return this.#inTurnOfAll(keys, async () => {
      const held = await all(({ slot, node }) =>
        rpc.call(node, REGISTER_METHODS.fetch, { slot, partition, ballot, values: true, keys }, options),
      );
      const isHeldByAll = (version: Version, at: number) =>
        held.every(({ registers }) => isTombstone(registers[at], version));
      const entries = tombstones.filter(({ version }, at) => isHeldByAll(version, at));
      if (entries.length === 0 || leadership.ended) return 0;
      leadership.generation = Math.max(leadership.generation, generation);
      for (const { key } of entries) this.#cache.forget(key);
      const forgotten = await all(({ slot, node }) =>
        rpc
          .call(node, REGISTER_METHODS.forget, { slot, partition, ballot, generation, entries }, options)
          .catch(() => ({ forgotten: false })),
      );
      if (forgotten.every((answer) => answer.forgotten)) return entries.length;
      // Some have forgotten and some have not. A reader may be told by the former alone that there is nothing, and then nobody
      // would ever look for the latter: so all get the tombstone back, decided anew.
      for (const { key } of entries) {
        await this.#propose(leadership, key, held[0]!.registers[keys.indexOf(key)]!.value!);
      }
      return 0;
    });
  }

  /** Under a ballot that is not yet used. A first attempt may only learn how high the promises are. */
  async #leadAnew(partition: number): Promise<Leadership> {
    for (let attempt = 1; ; attempt++) {
      await this.#resign(partition);
      try {
        return await this.#lead(partition);
      } catch (error) {
        if (attempt === ATTEMPTS_MAX) throw error;
      }
    }
  }

  /** Whatever is done next in the partition is done under a new ballot. */
  async #resign(partition: number): Promise<void> {
    const leading = await this.#leading.get(partition)?.catch(() => null);
    if (leading == null) return;
    this.#end(leading);
    this.#leading.delete(partition);
  }

  /** No key twice. Only one such turn is waited for at a time, so that no two wait for each other. */
  async #inTurnOfAll<T>(keys: readonly RegisterKey[], run: () => Promise<T>): Promise<T> {
    const over = Promise.withResolvers<void>();
    const reached = keys.map((key) => {
      const turn = Promise.withResolvers<void>();
      void this.#inTurn(key, () => {
        turn.resolve();
        return over.promise;
      });
      return turn.promise;
    });
    try {
      await Promise.all(reached);
      return await run();
    } finally {
      over.resolve();
    }
  }

  /** One after the other per key: a register's next change is decided on the outcome of the one before. */
  #inTurn<T>(key: RegisterKey, run: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key) ?? Promise.resolve();
    const turn = before.then(run, run);
    this.#tails.set(key, turn);
    const forget = () => {
      if (this.#tails.get(key) === turn) this.#tails.delete(key);
    };
    turn.then(forget, forget);
    return turn;
  }

  async #whileLeading<T>(key: RegisterKey, run: (leadership: Leadership) => Promise<T>): Promise<T> {
    const partition = this.#options.groups.partitionOf(key);
    let cause: unknown;
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) await sleep(this.#options.clock, (10 << attempt) * (0.5 + fraction(this.#options.random)));
      try {
        return await run(await this.#lead(partition));
      } catch (error) {
        if (!(error instanceof LeadershipLostError)) throw error;
        cause = error;
      }
    }
    throw new UnavailableError(`no quorum for partition ${partition}`, { cause });
  }

  #lead(partition: number): Promise<Leadership> {
    const known = this.#leading.get(partition);
    if (known !== undefined) return known;
    const taking = this.#takeOver(partition);
    this.#leading.set(partition, taking);
    taking.catch(() => {
      if (this.#leading.get(partition) === taking) this.#leading.delete(partition);
    });
    return taking;
  }

  async #takeOver(partition: number): Promise<Leadership> {
    const { rpc, groups } = this.#options;
    const group = groups.group(partition);
    const ballot = { round: (this.#highestRound.get(partition) ?? 0) + 1, proposer: this.#id };
    this.#highestRound.set(partition, ballot.round);
    const questions = group.replicas.map(async (replica) => {
      const request = { slot: replica.slot, partition, ballot };
      const answer = await rpc.call(replica.node, REGISTER_METHODS.prepare, request, { timeoutMs: CALL_TIMEOUT_MS });
      this.#sawBallot(partition, answer.promised);
      if (!answer.granted) throw new RpcError('stale', `${replica.slot} has promised a higher ballot`);
    });
    const gathered = await gather(questions, ({ answered }) => answered >= group.quorums.takeOver);
    if (gathered.answered < group.quorums.takeOver) throw lost(`take-over of partition ${partition}`, gathered);
    return { ballot, group, nextSequence: 1, open: new Set(), markTimer: false, generation: 0, ended: false };
  }

  #sawBallot(partition: number, ballot: Ballot): void {
    if (ballot.round > (this.#highestRound.get(partition) ?? 0)) this.#highestRound.set(partition, ballot.round);
  }

  #end(leadership: Leadership): void {
    leadership.ended = true;
    const { partition } = leadership.group;
    void this.#leading.get(partition)?.then(
      (current) => {
        if (current === leadership) this.#leading.delete(partition);
      },
      () => {},
    );
  }

  /** The decided record under this leadership: remembered, or read back from a take-over quorum. */
  async #load(leadership: Leadership, key: RegisterKey): Promise<RegisterRecord | null> {
    const cached = this.#cache.get(key, leadership.ballot);
    if (cached !== undefined) return cached;
    const { group, ballot } = leadership;
    const questions = group.replicas.map(async (replica): Promise<Fetched | undefined> => {
      const request = { slot: replica.slot, partition: group.partition, ballot, values: true, keys: [key] };
      const { registers, generation } = await this.#options.rpc.call(replica.node, REGISTER_METHODS.fetch, request, {
        timeoutMs: CALL_TIMEOUT_MS,
      });
      leadership.generation = Math.max(leadership.generation, generation);
      const found = registers[0];
      if (found === undefined) throw new RpcError('no-answer', `${replica.slot} left a key unanswered`);
      return found;
    });
    const isDecided = ({ answers }: Gathered<Fetched | undefined>) => decidedAmong(answers, group) !== undefined;
    let gathered = await gather(questions, ({ answered }) => answered >= group.quorums.takeOver);
    if (gathered.answered < group.quorums.takeOver) {
      this.#end(leadership);
      throw lost(`read-back in partition ${group.partition}`, gathered);
    }
    if (!isDecided(gathered)) {
      let graceOver = false;
      const grace = sleep(this.#options.clock, READ_BACK_GRACE_MS).then(() => {
        graceOver = true;
      });
      gathered = await gather([...questions, grace.then(() => undefined)], (all) => graceOver || isDecided(all));
    }
    const decided = decidedAmong(gathered.answers, group);
    if (decided !== undefined) {
      this.#cache.set(key, ballot, decided);
      if (decided !== null) this.#reportBehind(group, questions, key, decided.version);
      return decided;
    }
    // It may or may not have been decided. Proposing it again under this ballot makes it so before anybody is told.
    const record = await this.#propose(leadership, key, newestAmong(gathered.answers)!.value!);
    this.#options.onRevived(key);
    return record;
  }

  /** Its proposer may not know that it was decided, so nobody else tells of the replicas that do not have it. */
  #reportBehind(
    group: Group,
    questions: readonly Promise<Fetched | undefined>[],
    key: RegisterKey,
    version: Version,
  ): void {
    group.replicas.forEach((replica, at) => {
      const missed = () => this.#options.onMissed(replica.slot, key);
      questions[at]!.then((answer) => {
        if (answer?.version == null || compareVersions(answer.version, version) < 0) missed();
      }, missed);
    });
  }

  /** Resolves when a write quorum has the value on disk. */
  async #propose(leadership: Leadership, key: RegisterKey, value: RegisterValue): Promise<RegisterRecord> {
    if (leadership.ended) throw new LeadershipLostError('this leadership has ended');
    const { group, ballot } = leadership;
    const sequence = leadership.nextSequence++;
    leadership.open.add(sequence);
    const entry = { key, sequence, value };
    const proposal = { partition: group.partition, ballot, chosenThrough: decidedThrough(leadership), entry };
    const questions = group.replicas.map(async (replica) => {
      const result = await this.#send(replica, proposal);
      if (!result.accepted) throw new RpcError('stale', `${replica.slot} refused the proposal`);
    });
    const gathered = await gather(questions, ({ answered }) => answered >= group.quorums.write);
    // Also when no quorum confirms it: then it may be decided all the same, and whoever brings it to the others settles it.
    // Not before: what is brought while it is undecided may be the value before it.
    group.replicas.forEach((replica, at) => {
      questions[at]!.catch(() => this.#options.onMissed(replica.slot, key));
    });
    if (gathered.answered < group.quorums.write) {
      this.#end(leadership);
      throw lost(`proposal in partition ${group.partition}`, gathered);
    }
    leadership.open.delete(sequence);
    const record = { version: { ballot, sequence }, value };
    this.#cache.set(key, ballot, record);
    this.#markLater(leadership);
    if (isEmpty(value)) this.#options.onEmptied(key);
    return record;
  }

  async #send(replica: Group['replicas'][number], proposal: Proposal): Promise<AcceptResult> {
    if (!this.#options.groups.isReachable(replica)) throw new RpcError('no-answer', `${replica.slot} is not reachable`);
    const result = await this.#lanes.send(replica, proposal);
    this.#sawBallot(proposal.partition, result.promised);
    return result;
  }

  /** Asks a take-over quorum whether this ballot is still the promise: nobody can have decided anything behind our back. */
  async #confirm(leadership: Leadership): Promise<void> {
    const { group, ballot } = leadership;
    const questions = group.replicas.map((replica) => {
      const request = { slot: replica.slot, partition: group.partition, ballot, values: false, keys: [] };
      return this.#options.rpc.call(replica.node, REGISTER_METHODS.fetch, request, { timeoutMs: CALL_TIMEOUT_MS });
    });
    const gathered = await gather(questions, ({ answered }) => answered >= group.quorums.takeOver);
    if (gathered.answered >= group.quorums.takeOver) return;
    this.#end(leadership);
    throw lost(`confirmation in partition ${group.partition}`, gathered);
  }

  /** Tells the replicas, once things are quiet, how far everything is decided. Only a hint: nobody waits for it. */
  #markLater(leadership: Leadership): void {
    if (leadership.markTimer) return;
    leadership.markTimer = true;
    this.#options.clock.setTimer(MARK_DELAY_MS, () => {
      leadership.markTimer = false;
      if (leadership.ended) return;
      const { group, ballot } = leadership;
      const mark = { partition: group.partition, ballot, chosenThrough: decidedThrough(leadership), entry: null };
      for (const replica of group.replicas) this.#send(replica, mark).catch(() => {});
    });
  }
}

function stateOf(record: RegisterRecord | null): RegisterState {
  return record === null ? { payload: null, live: false } : { payload: record.value.payload, live: record.value.live };
}

function lost(what: string, gathered: Gathered<unknown>): LeadershipLostError {
  const reasons = gathered.errors.map((error) => (error instanceof Error ? error.message : String(error)));
  return new LeadershipLostError(`${what}: ${gathered.answered} answers; ${reasons.join('; ')}`);
}

function decidedThrough(leadership: Leadership): number {
  let oldestOpen = leadership.nextSequence;
  for (const sequence of leadership.open) oldestOpen = Math.min(oldestOpen, sequence);
  return oldestOpen - 1;
}
