// Cuts the power of a simulated machine at one exact point: while its n-th disk operation is under way. Run over all n, a
// workload meets a crash at every boundary that it has.
import type { Disk, DiskFile } from '../../node/io/disk.ts';
import type { SimDisk } from '../simulation/sim-disk.ts';
import type { SimRandom } from '../simulation/sim-random.ts';

export class CrashPoint {
  /** Operations that changed something, so far. */
  count = 0;
  readonly crashed: Promise<'crashed'>;
  readonly #disks: readonly SimDisk[];
  readonly #at: number;
  readonly #random: SimRandom;
  #tell: () => void = () => undefined;
  #isOver = false;

  /** at: the number of the operation that is under way when the power goes; Infinity for a run without a crash. */
  constructor(disks: readonly SimDisk[], at: number, random: SimRandom) {
    this.#disks = disks;
    this.#at = at;
    this.#random = random;
    this.crashed = new Promise((resolve) => {
      this.#tell = () => resolve('crashed');
    });
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  mount(disk: SimDisk): Disk {
    const port = disk.mount();
    const step = <T>(operation: Promise<T>) => this.#step(operation);
    return {
      name: port.name,
      open: async (path, mode) => {
        const opened = mode === 'create' ? step(port.open(path, mode)) : port.open(path, mode);
        return this.#file(await opened);
      },
      rename: (from, to) => step(port.rename(from, to)),
      remove: (path) => step(port.remove(path)),
      makeDirectory: (path) => step(port.makeDirectory(path)),
      list: (path) => port.list(path),
      syncDirectory: (path) => step(port.syncDirectory(path)),
      space: () => port.space(),
    };
  }

  #file(file: DiskFile): DiskFile {
    return {
      read: (offset, length) => file.read(offset, length),
      write: (offset, pieces) => this.#step(file.write(offset, pieces)),
      sync: () => this.#step(file.sync()),
      truncate: (sizeBytes) => this.#step(file.truncate(sizeBytes)),
      sizeBytes: () => file.sizeBytes(),
      close: () => file.close(),
    };
  }

  #step<T>(operation: Promise<T>): Promise<T> {
    this.count++;
    if (this.count === this.#at) {
      for (const disk of this.#disks) disk.crash({ random: this.#random });
      this.#isOver = true;
      this.#tell();
    }
    return operation;
  }
}
