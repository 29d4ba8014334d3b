// Shards that are being written to this node's drives block by block. A session belongs to a writer somewhere in the cluster
// that may vanish, and its messages may come twice: so a session expires, and a repeated message gets the first one's answer.

import { openBlock } from '../format/block-seal.ts';
import type { ShardAttributes, WireShardName } from '../format/shard-formats.ts';
import type { Clock, Timer } from '../io/clock.ts';
import type { ShardWriter } from '../storage/drive-store.ts';
import { RpcError } from './rpc.ts';

/** A writer that sends nothing for so long is gone: even a slow client fills a stripe in this time. */
const EXPIRY_MS = 300_000;
const SESSIONS_MAX = 4_096;
/** Ended sessions that are remembered, for messages that come twice. */
const ENDED_MAX = 4_096;

interface Session {
  readonly name: WireShardName;
  readonly blockBytes: number;
  readonly writer: Promise<ShardWriter>;
  /** The stripe that comes next. */
  next: number;
  /** The newest append. */
  appended: Promise<void>;
  expiry: Timer;
}

export class ShardSessions {
  readonly #clock: Clock;
  readonly #open = new Map<string, Session>();
  readonly #ended = new Map<string, Promise<void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  async begin(
    id: string,
    name: WireShardName,
    { blockBytes }: ShardAttributes,
    openWriter: () => Promise<ShardWriter>,
  ): Promise<void> {
    if (this.#ended.has(id)) throw unknown(id);
    let session = this.#open.get(id);
    if (session === undefined) {
      if (this.#open.size >= SESSIONS_MAX)
        throw new RpcError('refused', `${SESSIONS_MAX} shards are being written here`);
      const writer = openWriter();
      writer.catch(() => this.#forget(id));
      session = { name, blockBytes, writer, next: 0, appended: Promise.resolve(), expiry: this.#expireLater(id) };
      this.#open.set(id, session);
    }
    await session.writer;
  }

  async append(id: string, stripe: number, sealed: Uint8Array): Promise<void> {
    const session = this.#session(id);
    if (stripe === session.next - 1) return session.appended;
    if (stripe !== session.next) throw new RpcError('refused', `stripe ${stripe} came where ${session.next} was due`);
    const block = openBlock({ ...session.name, stripe }, sealed);
    if (block === null || block.length > session.blockBytes) {
      throw new RpcError('refused', `stripe ${stripe} of blob ${session.name.blobId} arrived damaged`);
    }
    session.next++;
    this.#touch(id, session);
    session.appended = Promise.all([session.writer, session.appended]).then(([writer]) => writer.append(sealed));
    return session.appended;
  }

  async commit(id: string): Promise<void> {
    return this.#ended.get(id) ?? this.#end(id, (writer) => writer.commit());
  }

  /** Of an unknown session: it is fine that there is none. */
  async abort(id: string): Promise<void> {
    if (this.#open.has(id)) await this.#end(id, (writer) => writer.abort());
  }

  #session(id: string): Session {
    const session = this.#open.get(id);
    if (session === undefined) throw unknown(id);
    return session;
  }

  #end(id: string, finish: (writer: ShardWriter) => Promise<void>): Promise<void> {
    const session = this.#session(id);
    this.#forget(id);
    const ended = (async () => {
      const writer = await session.writer;
      try {
        await session.appended;
      } catch (error) {
        await writer.abort();
        throw error;
      }
      await finish(writer);
    })();
    this.#ended.set(id, ended);
    for (const oldest of this.#ended.keys()) {
      if (this.#ended.size <= ENDED_MAX) break;
      this.#ended.delete(oldest);
    }
    return ended;
  }

  #forget(id: string): void {
    this.#open.get(id)?.expiry.cancel();
    this.#open.delete(id);
  }

  #touch(id: string, session: Session): void {
    session.expiry.cancel();
    session.expiry = this.#expireLater(id);
  }

  #expireLater(id: string): Timer {
    return this.#clock.setTimer(EXPIRY_MS, () => {
      // The writer is gone; whether its drive can still clean up changes nothing for anybody.
      this.abort(id).catch(() => {});
    });
  }
}

const unknown = (id: string) => new RpcError('refused', `no shard is being written under session ${id}`);
