// Reads and changes registers for the rest of the node. A read asks a write quorum directly and is final when all of it
// holds the same version; only where replicas disagree is the proposer asked. Changes go to the proposer.
import { compareVersions } from '../core/ballot.ts';
import type { MapDrive } from '../core/cluster-map.ts';
import type { RegisterKey } from '../core/keys.ts';
import type { Fetched, RegisterRecord } from '../format/register-formats.ts';
import { type Clock, sleep } from '../io/clock.ts';
import { fraction, type Random } from '../io/random.ts';
import type { StoredRegister } from './acceptor.ts';
import type { Group, Groups } from './groups.ts';
import { REGISTER_METHODS } from './register-methods.ts';
import { type RegisterState, UnavailableError } from './registers.ts';
import { type Rpc, RpcError } from './rpc.ts';

const FETCH_TIMEOUT_MS = 3_000;
/** A replica that has not answered by then is doubled by another one. */
const HEDGE_MS = 250;
const CHANGE_TIMEOUT_MS = 10_000;
/** Long enough for a proposer's death to be seen and its partitions to be taken over. */
const CHANGE_DEADLINE_MS = 20_000;
const RETRY_MS = 50;
/** Of one message: half of what a frame may have, as a single record may be as long. */
const TEACH_BYTES_MAX = 4 * 2 ** 20;

export interface RegisterClientOptions {
  readonly rpc: Rpc;
  readonly groups: Groups;
  readonly clock: Clock;
  readonly random: Random;
  readonly generations: { readonly known: number; refresh(): Promise<number> };
}

export class RegisterClient {
  readonly #options: RegisterClientOptions;
  /** Names this process in attempts; drawn once. */
  readonly #asker: string;
  /** Numbers that were given to attempts. */
  #attempts = 0;
  /** By register, the end of the last change so far. */
  readonly #changing = new Map<RegisterKey, Promise<void>>();

  constructor(options: RegisterClientOptions) {
    this.#options = options;
    this.#asker = options.random.bytes(8).toString('hex');
  }

  async read(key: RegisterKey): Promise<RegisterState> {
    const record = await this.readRecord(key);
    return record === null
      ? { payload: null, live: false }
      : { payload: record.value.payload, live: record.value.live };
  }

  /** The decided record. Rejects with UnavailableError. */
  async readRecord(key: RegisterKey): Promise<RegisterRecord | null> {
    const group = this.#options.groups.groupOf(key);
    const agreed = await this.#readQuorum(group, key);
    return agreed === undefined ? (await this.settle(group, [key]))[0]! : agreed;
  }

  /** Asks the proposer for the decided records of keys of one group. Rejects with UnavailableError. */
  async settle(group: Group, keys: readonly RegisterKey[]): Promise<(RegisterRecord | null)[]> {
    const { registers } = await this.#askProposer(group, this.#deadlineMs(), (node) =>
      this.#options.rpc.call(node, REGISTER_METHODS.settle, { keys: [...keys] }, { timeoutMs: CHANGE_TIMEOUT_MS }),
    );
    return registers;
  }

  /** Has every replica write the register anew, because one cannot read its record any more. Rejects with UnavailableError. */
  async rewrite(key: RegisterKey): Promise<void> {
    await this.#askProposer(this.#options.groups.groupOf(key), this.#deadlineMs(), (node) =>
      this.#options.rpc.call(node, REGISTER_METHODS.mend, { key }, { timeoutMs: CHANGE_TIMEOUT_MS }),
    );
  }

  /**
   * Brings decided values to a replica that missed them; how many were newer than what it had. generation: known before the values
   * were read. Rejects with RpcError, 'stale' when the replica has forgotten registers since.
   */
  async teach(
    { slot, node }: Pick<MapDrive, 'slot' | 'node'>,
    generation: number,
    registers: readonly StoredRegister[],
  ): Promise<number> {
    let taken = 0;
    let batch: StoredRegister[] = [];
    let batchBytes = 0;
    const send = async () => {
      if (batch.length === 0) return;
      taken += (await this.#options.rpc.call(node, REGISTER_METHODS.learn, { slot, generation, entries: batch })).taken;
    };
    for (const register of registers) {
      const sizeBytes = register.key.length + register.value.payload.length;
      if (batchBytes + sizeBytes > TEACH_BYTES_MAX) {
        await send();
        [batch, batchBytes] = [[], 0];
      }
      batch.push(register);
      batchBytes += sizeBytes;
    }
    await send();
    return taken;
  }

  /** Changes of one register are carried out one after the other. Rejects with UnavailableError: then nobody knows whether it happened. */
  async change(key: RegisterKey, command: Uint8Array): Promise<Uint8Array> {
    const deadlineMs = this.#deadlineMs();
    const before = this.#changing.get(key);
    const turn = (before ?? Promise.resolve()).then(() => this.#changeNow(key, command, deadlineMs));
    const ended = turn.then(
      () => {},
      () => {},
    );
    this.#changing.set(key, ended);
    void ended.then(() => {
      if (this.#changing.get(key) === ended) this.#changing.delete(key);
    });
    return turn;
  }

  async #changeNow(key: RegisterKey, command: Uint8Array, deadlineMs: number): Promise<Uint8Array> {
    const { rpc, groups, generations, clock } = this.#options;
    if (clock.monotonicMs() >= deadlineMs)
      throw new UnavailableError('earlier changes of the register have no answer yet');
    let generation = generations.known;
    let first: number | null = null;
    const { reply } = await this.#askProposer(groups.groupOf(key), deadlineMs, async (node) => {
      const number = ++this.#attempts;
      const request = { key, asker: this.#asker, number, first: first ?? number, generation, command };
      try {
        return await rpc.call(node, REGISTER_METHODS.change, request, { timeoutMs: CHANGE_TIMEOUT_MS });
      } catch (error) {
        if (error instanceof RpcError && error.code === 'stale') {
          if (first !== null) throw new UnavailableError(error.message, { cause: error });
          // It did not happen, and no attempt is under way: another change, which begins now, may take its place.
          generation = await generations.refresh();
        }
        // Only these leave open whether the proposer went on with it.
        if (error instanceof RpcError && (error.code === 'no-answer' || error.code === 'unavailable')) first ??= number;
        throw error;
      }
    });
    return reply;
  }

  #deadlineMs(): number {
    return this.#options.clock.monotonicMs() + CHANGE_DEADLINE_MS;
  }

  async #askProposer<T>(group: Group, deadlineMs: number, ask: (node: string) => Promise<T>): Promise<T> {
    const { clock, groups, random } = this.#options;
    for (let attempt = 0; ; attempt++) {
      try {
        return await ask(groups.proposer(groups.group(group.partition)));
      } catch (error) {
        if (!(error instanceof RpcError)) throw error;
        if (error.code === 'refused' || error.code === 'internal')
          throw new UnavailableError(error.message, { cause: error });
        if (clock.monotonicMs() >= deadlineMs) throw new UnavailableError(error.message, { cause: error });
      }
      await sleep(clock, RETRY_MS * Math.min(attempt + 1, 10) * (0.5 + fraction(random)));
    }
  }

  /** undefined when the answers do not agree, or too few came: the proposer must be asked. */
  #readQuorum(group: Group, key: RegisterKey): Promise<RegisterRecord | null | undefined> {
    const order = this.#inAskingOrder(group.replicas);
    const { write } = group.quorums;
    return new Promise((resolve) => {
      const agreeing: Fetched[] = [];
      let asked = 0;
      let pending = 0;
      const finish = (record: RegisterRecord | null | undefined) => {
        hedge.cancel();
        resolve(record);
      };
      const onAnswer = (answer: Fetched) => {
        const first = agreeing[0];
        agreeing.push(answer);
        if (first !== undefined && !sameVersion(first, answer)) {
          finish(undefined);
          return;
        }
        if (agreeing.length < write) return;
        const whole = agreeing.find((fetched) => fetched.value !== null);
        if (answer.version === null) finish(null);
        else finish(whole === undefined ? undefined : { version: answer.version, value: whole.value! });
      };
      const askNext = () => {
        const replica = order[asked];
        if (replica === undefined) {
          if (pending === 0) finish(undefined);
          return;
        }
        // Values come from the first replica; from the others, unless they stand in for one that failed, versions will do.
        const values = asked === 0 || asked >= write;
        asked++;
        pending++;
        this.#fetch(replica, group.partition, key, values).then(
          (answer) => {
            pending--;
            onAnswer(answer);
            if (pending === 0 && asked === order.length && agreeing.length < write) finish(undefined);
          },
          () => {
            pending--;
            askNext();
          },
        );
      };
      const hedge = this.#options.clock.setTimer(HEDGE_MS, askNext);
      for (let i = 0; i < write; i++) askNext();
    });
  }

  async #fetch(replica: MapDrive, partition: number, key: RegisterKey, values: boolean): Promise<Fetched> {
    const request = { slot: replica.slot, partition, ballot: null, values, keys: [key] };
    const { registers } = await this.#options.rpc.call(replica.node, REGISTER_METHODS.fetch, request, {
      timeoutMs: FETCH_TIMEOUT_MS,
    });
    const found = registers[0];
    if (found === undefined) throw new RpcError('no-answer', `${replica.slot} left a key unanswered`);
    return found;
  }

  /** This node's own replica first, then those that seem up, in the group's order. */
  #inAskingOrder(replicas: readonly MapDrive[]): MapDrive[] {
    const { rpc, groups } = this.#options;
    const rank = (drive: MapDrive) => (!groups.isUsable(drive) ? 2 : drive.node === rpc.self ? 0 : 1);
    return [...replicas].sort((a, b) => rank(a) - rank(b));
  }
}

function sameVersion(a: Fetched, b: Fetched): boolean {
  if (a.version === null || b.version === null) return a.version === b.version;
  return compareVersions(a.version, b.version) === 0;
}
