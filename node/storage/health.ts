// Whether one drive still takes writes. The first IO error on a write or a sync ends that for good: what was not synced by
// then may be lost though the system says nothing, so only a new start, which reads everything back, may trust the drive.
import { DiskError } from '../io/disk.ts';

export class DriveHealth {
  readonly #driveName: string;
  #failure: string | null = null;

  constructor(driveName: string) {
    this.#driveName = driveName;
  }

  /** Why the drive takes no more writes, or null. */
  get failure(): string | null {
    return this.#failure;
  }

  /** Throws DiskError 'read-only' when the drive has failed. */
  assertWritable(): void {
    if (this.#failure !== null) throw this.#refusal();
  }

  /** Ends all writing, and gives the error with which the write that failed is to be rejected. */
  fail(error: unknown): DiskError {
    this.#failure ??= error instanceof Error ? error.message : String(error);
    return error instanceof DiskError ? error : this.#refusal({ cause: error });
  }

  /**
   * What to reject with when something that writes went wrong: lack of space, and refusals that say nothing about the
   * drive, pass; every other error is the drive's end.
   */
  judge(error: unknown): DiskError {
    const passes = error instanceof DiskError && (error.kind === 'no-space' || error.kind === 'refused');
    return passes ? error : this.fail(error);
  }

  #refusal(options?: ErrorOptions): DiskError {
    return new DiskError('read-only', `${this.#driveName} takes no more writes: ${this.#failure}`, options);
  }
}
