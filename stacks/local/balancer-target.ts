// One node as the balancer sees it: whether it is ready, how many connections it has, and a connection to it.
import { connect, type Socket } from 'node:net';
import { fetchHealth, type NodeAddress } from './node-client.ts';

export interface ProbeProps {
  /** Pause between two questions to one node. */
  readonly intervalMs: number;
  /** Without an answer for so long the node is not preferred for new connections. */
  readonly timeoutMs: number;
  /** After so many unanswered questions in a row its connections are cut, so that their clients try elsewhere. */
  readonly cutAfter: number;
}

export type ReadyListener = (node: string, ready: boolean) => void;

const CONNECT_TIMEOUT_MS = 1_000;

export class Target {
  readonly #name: string;
  readonly #address: NodeAddress;
  readonly #probe: ProbeProps;
  readonly #onChange: ReadyListener;
  readonly #sockets = new Set<Socket>();
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #silentCount = 0;
  #ready = false;
  /** Order among all connections given to any node; the balancer counts. */
  lastGiven = 0;

  constructor(name: string, address: NodeAddress, probe: ProbeProps, onChange: ReadyListener) {
    this.#name = name;
    this.#address = address;
    this.#probe = probe;
    this.#onChange = onChange;
  }

  get ready(): boolean {
    return this.#ready;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** A paused, half-open socket to the node; null when it takes none, and then it does not count as ready until it says so again. */
  connect(): Promise<Socket | null> {
    const socket = connect({ ...this.#address, allowHalfOpen: true, noDelay: true });
    this.#sockets.add(socket);
    return new Promise((resolve) => {
      const timer = setTimeout(() => socket.destroy(), CONNECT_TIMEOUT_MS);
      socket.on('error', () => {});
      const onClose = () => {
        clearTimeout(timer);
        this.#setReady(false);
        resolve(null);
      };
      socket.once('close', onClose);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.once('connect', () => {
        clearTimeout(timer);
        socket.off('close', onClose);
        resolve(socket);
      });
    });
  }

  /** Asks once now and then again and again until stop(). Resolves with the first answer, or the first time there is none. */
  async watch(): Promise<void> {
    await this.#ask();
    if (!this.#stopped) this.#timer = setTimeout(() => void this.watch(), this.#probe.intervalMs);
  }

  stop(): void {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  async #ask(): Promise<void> {
    const answer = await fetchHealth(this.#address, 'ready', this.#probe.timeoutMs);
    if (this.#stopped) return;
    this.#setReady(answer === 'yes');
    this.#silentCount = answer === 'silent' ? this.#silentCount + 1 : 0;
    if (this.#silentCount >= this.#probe.cutAfter) this.#cut();
  }

  #cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #setReady(ready: boolean): void {
    if (this.#ready === ready) return;
    this.#ready = ready;
    this.#onChange(this.#name, ready);
  }
}
