// The reserve: the last part of a disk is kept for deletions and for the checkpoints that give their space back, so that a
// full drive can be emptied again. Knows the free space from the last time it asked and from what was written since, and
// what is promised to entries that have yet to reach the index.
import type { Clock } from '../io/clock.ts';
import { type Disk, DiskError } from '../io/disk.ts';

const RESERVE_FRACTION = 0.02;
const RESERVE_BYTES_MAX = 512 * 2 ** 20;
const STALE_MS = 500;

export class SpaceGuard {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #checkpointBytes: () => number;
  #totalBytes = 0;
  #freeBytes = 0;
  #askedMs = Number.NEGATIVE_INFINITY;

  /** checkpointBytes: what the next checkpoint will take. */
  constructor(disk: Disk, clock: Clock, checkpointBytes: () => number) {
    this.#disk = disk;
    this.#clock = clock;
    this.#checkpointBytes = checkpointBytes;
  }

  /** Asks the disk when the answer at hand is old, or says that the disk is full. */
  async refresh(): Promise<void> {
    const isFresh = this.#clock.monotonicMs() - this.#askedMs < STALE_MS;
    if (isFresh && this.usableBytes > 0) return;
    const { totalBytes, freeBytes } = await this.#disk.space();
    this.#totalBytes = totalBytes;
    this.#freeBytes = freeBytes;
    this.#askedMs = this.#clock.monotonicMs();
  }

  /** The disk has said that it is full, whatever was known before. */
  expire(): void {
    this.#freeBytes = 0;
  }

  get totalBytes(): number {
    return this.#totalBytes;
  }

  /** What may still be written, the reserve left out. */
  get usableBytes(): number {
    const reserveBytes = Math.min(this.#totalBytes * RESERVE_FRACTION, RESERVE_BYTES_MAX);
    return Math.max(0, Math.floor(this.#freeBytes - reserveBytes - this.#checkpointBytes()));
  }

  /** What work may take that gives more space back: all but what the next checkpoint needs. */
  get lendableBytes(): number {
    return Math.max(0, Math.floor(this.#freeBytes - this.#checkpointBytes()));
  }

  async take(lengthBytes: number): Promise<void> {
    await this.refresh();
    this.claim(lengthBytes);
  }

  /** Throws DiskError 'no-space' when so many bytes would go into the reserve. */
  claim(lengthBytes: number): void {
    if (lengthBytes > this.usableBytes) {
      throw new DiskError(
        'no-space',
        `${this.#disk.name} is full: ${this.usableBytes} bytes are left besides the reserve`,
      );
    }
    this.#freeBytes -= lengthBytes;
  }
}
