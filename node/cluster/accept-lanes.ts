// Carries a proposer's entries to the replicas: one lane per replica, in which the entries of many keys and partitions that
// wait at the same time share one message, and so one sync on the other side.
import { type Ballot, compareBallots } from '../core/ballot.ts';
import type { MapDrive } from '../core/cluster-map.ts';
import type { RegisterKey } from '../core/keys.ts';
import type { AcceptGroup, RegisterValue } from '../format/register-formats.ts';
import type { AcceptResult } from './acceptor.ts';
import { REGISTER_METHODS } from './register-methods.ts';
import { type Rpc, RpcError } from './rpc.ts';

/** More in flight shortens the wait, fewer make larger batches; two keep the replica's log busy while one is on the wire. */
const MESSAGES_IN_FLIGHT_MAX = 2;
const MESSAGE_ENTRIES_MAX = 256;
/** A replica this far behind is treated as not answering; what it missed is brought to it later. */
const QUEUE_ENTRIES_MAX = 4096;
const ACCEPT_TIMEOUT_MS = 4_000;

export interface Proposal {
  readonly partition: number;
  readonly ballot: Ballot;
  readonly chosenThrough: number;
  /** null moves only the mark. */
  readonly entry: { readonly key: RegisterKey; readonly sequence: number; readonly value: RegisterValue } | null;
}

interface Queued {
  readonly proposal: Proposal;
  readonly resolve: (result: AcceptResult) => void;
  readonly reject: (error: unknown) => void;
}

export class AcceptLanes {
  readonly #rpc: Rpc;
  readonly #lanes = new Map<string, Lane>();

  constructor(rpc: Rpc) {
    this.#rpc = rpc;
  }

  /** The replica's verdict on the one proposal. Rejects with RpcError. */
  send(replica: MapDrive, proposal: Proposal): Promise<AcceptResult> {
    let lane = this.#lanes.get(replica.slot);
    if (lane === undefined) {
      lane = new Lane(this.#rpc, replica.slot, replica.node);
      this.#lanes.set(replica.slot, lane);
    }
    return lane.send(proposal);
  }
}

class Lane {
  readonly #rpc: Rpc;
  readonly #slot: string;
  readonly #node: string;
  #queue: Queued[] = [];
  #inFlight = 0;
  #scheduled = false;

  constructor(rpc: Rpc, slot: string, node: string) {
    this.#rpc = rpc;
    this.#slot = slot;
    this.#node = node;
  }

  send(proposal: Proposal): Promise<AcceptResult> {
    if (this.#queue.length >= QUEUE_ENTRIES_MAX) {
      return Promise.reject(new RpcError('no-answer', `${this.#slot} is ${QUEUE_ENTRIES_MAX} entries behind`));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ proposal, resolve, reject });
      // Wait for the other proposals of this turn, so that they travel together.
      if (this.#scheduled) return;
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#pump();
      });
    });
  }

  #pump(): void {
    while (this.#inFlight < MESSAGES_IN_FLIGHT_MAX && this.#queue.length > 0) {
      const batch = this.#queue.splice(0, MESSAGE_ENTRIES_MAX);
      this.#inFlight++;
      void this.#deliver(batch).finally(() => {
        this.#inFlight--;
        this.#pump();
      });
    }
  }

  async #deliver(batch: readonly Queued[]): Promise<void> {
    const groups: AcceptGroup[] = [];
    const groupIndex = batch.map(({ proposal }) => {
      let index = groups.findIndex(
        (group) => group.partition === proposal.partition && compareBallots(group.ballot, proposal.ballot) === 0,
      );
      if (index < 0) {
        const { partition, ballot, chosenThrough } = proposal;
        index = groups.push({ partition, ballot, chosenThrough, entries: [] }) - 1;
      }
      const group = groups[index]!;
      group.chosenThrough = Math.max(group.chosenThrough, proposal.chosenThrough);
      if (proposal.entry !== null) group.entries.push(proposal.entry);
      return index;
    });
    try {
      const request = { slot: this.#slot, groups };
      const { results } = await this.#rpc.call(this.#node, REGISTER_METHODS.accept, request, {
        timeoutMs: ACCEPT_TIMEOUT_MS,
      });
      batch.forEach((queued, at) => {
        const result = results[groupIndex[at]!];
        if (result === undefined) queued.reject(new RpcError('no-answer', `${this.#slot} left a group unanswered`));
        else queued.resolve(result);
      });
    } catch (error) {
      for (const queued of batch) queued.reject(error);
    }
  }
}
