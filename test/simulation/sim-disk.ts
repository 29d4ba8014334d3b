// A disk that forgets what was not synced. SimDisk is the drive itself and outlives the processes that use it; mount()
// gives a process the Disk port. Faults are injected from outside: power cuts, errors, full, slow, flipped bits.
//
//   const disk = new SimDisk({ name: 'a1/d1', random: new SimRandom(7) });
//   const port = disk.mount();            // completes at once (in a microtask); mount(scheduler) takes virtual time
//   disk.crash();                         // operations of the old mount never complete; mount again and recover
import { type Disk, DiskError, type DiskErrorKind, type DiskFile, type DiskSpace } from '../../node/io/disk.ts';
import type { Timeline } from './scheduler.ts';
import { type FileNode, Medium } from './sim-disk-medium.ts';
import type { SimRandom } from './sim-random.ts';

export type DiskOperation =
  | 'open'
  | 'read'
  | 'write'
  | 'sync'
  | 'truncate'
  | 'size'
  | 'close'
  | 'rename'
  | 'remove'
  | 'make-directory'
  | 'list'
  | 'sync-directory'
  | 'space';

/** What goes wrong by chance while it is switched on; change the values at any time. */
export interface DiskFaults {
  /** Chances, 0 to 1, that an operation of that kind fails with kind 'io'. */
  readErrorChance: number;
  writeErrorChance: number;
  syncErrorChance: number;
  /** Every operation takes at least minMs and on average meanMs (of virtual time). */
  minMs: number;
  meanMs: number;
  /** What is not in use counts as taken. */
  full: boolean;
}

export interface DiskCounters {
  reads: number;
  writes: number;
  syncs: number;
  directorySyncs: number;
  readBytes: number;
  writtenBytes: number;
}

export interface SimDiskOptions {
  readonly name: string;
  readonly random: SimRandom;
  /** Default 1 GiB. */
  readonly capacityBytes?: number;
}

/** An operation that was asked for and has not completed. */
interface Flight {
  /** The operation's effect. */
  readonly act: () => unknown;
  /** What a death in the middle may leave of it. */
  readonly actPartly: (() => void) | null;
}

export class SimDisk {
  readonly name: string;
  readonly capacityBytes: number;
  readonly counters: DiskCounters = {
    reads: 0,
    writes: 0,
    syncs: 0,
    directorySyncs: 0,
    readBytes: 0,
    writtenBytes: 0,
  };
  readonly faults: DiskFaults = {
    readErrorChance: 0,
    writeErrorChance: 0,
    syncErrorChance: 0,
    minMs: 0.02,
    meanMs: 0.2,
    full: false,
  };
  readonly medium = new Medium();
  readonly random: SimRandom;
  readonly #flights = new Set<Flight>();
  readonly #mounts = new Set<Mount>();
  #nextFailures: { operation: DiskOperation; kind: DiskErrorKind; isMeant: (path: string) => boolean }[] = [];

  constructor({ name, random, capacityBytes = 2 ** 30 }: SimDiskOptions) {
    this.name = name;
    this.random = random;
    this.capacityBytes = capacityBytes;
  }

  /** The port for one process. Without a timeline every operation completes in a microtask. */
  mount(timeline: Timeline | null = null): Disk {
    const mount = new Mount(this, timeline);
    this.#mounts.add(mount);
    return mount;
  }

  /** Power cut: unsynced writes and directory changes are lost, kept or torn at random. Operations under way never settle. */
  crash({ random = this.random }: { random?: SimRandom } = {}): void {
    this.kill({ random });
    this.medium.crash(random);
  }

  /** The process dies and the machine lives on: nothing that was written is lost. Operations under way never settle. */
  kill({ random = this.random }: { random?: SimRandom } = {}): void {
    for (const mount of this.#mounts) mount.alive = false;
    this.#mounts.clear();
    for (const { act, actPartly } of this.#flights) {
      try {
        const fate = random.below(3);
        if (fate === 0) act();
        if (fate === 1) actPartly?.();
      } catch {
        // Nobody is left to be told that it would have failed.
      }
    }
    this.#flights.clear();
  }

  /** A new, empty drive in the same place. */
  wipe(): void {
    this.kill();
    this.medium.wipe();
  }

  /** The next operation of this kind, on a path that is meant, fails. */
  failNext(operation: DiskOperation, kind: DiskErrorKind, isMeant: (path: string) => boolean = () => true): void {
    this.#nextFailures.push({ operation, kind, isMeant });
  }

  /** Flips one bit of a file on the medium (and in what the system shows of it). */
  flipBit(path: string, offset: number, bit: number): void {
    const file = this.medium.file(path);
    file.durable.flipBit(offset, bit);
    file.volatile.flipBit(offset, bit);
  }

  /** Flips a random bit of a random file; says which, or null when there is nothing to flip. */
  flipRandomBit(
    isMeant: (path: string) => boolean = () => true,
    random = this.random,
  ): { path: string; offset: number } | null {
    const files = this.medium.files().filter((path) => isMeant(path) && this.medium.file(path).durable.sizeBytes > 0);
    if (files.length === 0) return null;
    const path = random.pick(files);
    const offset = random.below(this.medium.file(path).durable.sizeBytes);
    this.flipBit(path, offset, random.below(8));
    return { path, offset };
  }

  freeBytes(): number {
    return this.faults.full ? 0 : Math.max(0, this.capacityBytes - this.medium.usedBytes);
  }

  /** Runs an operation of a mount: latency, then an injected failure or its effect. */
  perform<T>(mount: Mount, operation: DiskOperation, path: string, act: () => T, actPartly?: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      if (!mount.alive) return;
      const flight: Flight = { act, actPartly: actPartly ?? null };
      if (CHANGES.has(operation)) this.#flights.add(flight);
      const complete = () => {
        if (!mount.alive) return;
        this.#flights.delete(flight);
        try {
          const kind = this.#failureOf(operation, path);
          if (kind !== null) {
            actPartly?.();
            throw new DiskError(kind, `injected: ${operation} of ${this.name}:${path} failed`);
          }
          resolve(act());
        } catch (error) {
          reject(error);
        }
      };
      if (mount.timeline === null) queueMicrotask(complete);
      else mount.timeline.after(this.#latencyMs(), `${this.name} ${operation} ${path}`, complete);
    });
  }

  #latencyMs(): number {
    return this.random.longTailed(this.faults.minMs, this.faults.meanMs);
  }

  #failureOf(operation: DiskOperation, path: string): DiskErrorKind | null {
    const index = this.#nextFailures.findIndex((next) => next.operation === operation && next.isMeant(path));
    if (index >= 0) return this.#nextFailures.splice(index, 1)[0]!.kind;
    const chance = this.#chanceOf(operation);
    return chance > 0 && this.random.chance(chance) ? 'io' : null;
  }

  #chanceOf(operation: DiskOperation): number {
    if (operation === 'read') return this.faults.readErrorChance;
    if (operation === 'write') return this.faults.writeErrorChance;
    if (operation === 'sync' || operation === 'sync-directory') return this.faults.syncErrorChance;
    return 0;
  }
}

/** Operations of which something can be left behind when the process dies in the middle. */
const CHANGES: ReadonlySet<DiskOperation> = new Set([
  'open',
  'write',
  'truncate',
  'rename',
  'remove',
  'make-directory',
]);

class Mount implements Disk {
  readonly name: string;
  readonly disk: SimDisk;
  readonly timeline: Timeline | null;
  alive = true;

  constructor(disk: SimDisk, timeline: Timeline | null) {
    this.name = disk.name;
    this.disk = disk;
    this.timeline = timeline;
  }

  open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const { medium } = this.disk;
    return this.disk.perform(this, 'open', path, () => {
      const node = mode === 'create' ? medium.create(path) : medium.file(path);
      return new SimFile(this, path, node, mode !== 'read');
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.disk.perform(this, 'rename', from, () => this.disk.medium.rename(from, to));
  }

  remove(path: string): Promise<void> {
    return this.disk.perform(this, 'remove', path, () => this.disk.medium.remove(path));
  }

  makeDirectory(path: string): Promise<void> {
    return this.disk.perform(this, 'make-directory', path, () => this.disk.medium.makeDirectory(path));
  }

  list(path: string): Promise<string[]> {
    return this.disk.perform(this, 'list', path, () => this.disk.medium.list(path));
  }

  syncDirectory(path: string): Promise<void> {
    const upTo = this.disk.medium.sequence;
    return this.disk.perform(this, 'sync-directory', path, () => {
      this.disk.counters.directorySyncs++;
      this.disk.medium.syncDirectory(path, upTo);
    });
  }

  space(): Promise<DiskSpace> {
    return this.disk.perform(this, 'space', '', () => ({
      totalBytes: this.disk.capacityBytes,
      freeBytes: this.disk.freeBytes(),
    }));
  }
}

class SimFile implements DiskFile {
  readonly #mount: Mount;
  readonly #disk: SimDisk;
  readonly #path: string;
  readonly #node: FileNode;
  readonly #writable: boolean;
  #open = true;

  constructor(mount: Mount, path: string, node: FileNode, writable: boolean) {
    this.#mount = mount;
    this.#disk = mount.disk;
    this.#path = path;
    this.#node = node;
    this.#writable = writable;
  }

  read(offset: number, length: number): Promise<Buffer> {
    return this.#perform('read', () => {
      const data = this.#node.volatile.read(offset, length);
      this.#disk.counters.reads++;
      this.#disk.counters.readBytes += data.length;
      return data;
    });
  }

  write(offset: number, pieces: Uint8Array[]): Promise<void> {
    // The pieces are read when the write happens, not when it is asked for: a caller that changes them too early is caught.
    return this.#perform(
      'write',
      () => this.#writeNow(offset, pieces, 1),
      () => this.#writeNow(offset, pieces, this.#disk.random.fraction()),
    );
  }

  sync(): Promise<void> {
    // Only what was complete when the sync was asked for is covered by it.
    const upTo = this.#disk.medium.sequence;
    return this.#perform(
      'sync',
      () => {
        this.#disk.counters.syncs++;
        this.#disk.medium.syncFile(this.#node, upTo);
      },
      () => this.#disk.medium.failSync(this.#node, upTo, this.#disk.random),
    );
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.#perform('truncate', () => {
      this.#requireWritable();
      this.#disk.medium.truncate(this.#node, sizeBytes);
    });
  }

  sizeBytes(): Promise<number> {
    return this.#perform('size', () => this.#node.volatile.sizeBytes);
  }

  close(): Promise<void> {
    return this.#perform('close', () => {
      this.#open = false;
    });
  }

  #perform<T>(operation: DiskOperation, act: () => T, actPartly?: () => void): Promise<T> {
    if (!this.#open) return Promise.reject(new DiskError('refused', `${this.#path} is closed`));
    return this.#disk.perform(this.#mount, operation, this.#path, act, actPartly);
  }

  /** Writes that share of the bytes from the front, as far as there is room. */
  #writeNow(offset: number, pieces: readonly Uint8Array[], share: number): void {
    this.#requireWritable();
    const data = Buffer.concat(pieces);
    const wantedBytes = Math.floor(data.length * share);
    const growthBytes = Math.max(0, offset + wantedBytes - this.#node.volatile.sizeBytes);
    const missingBytes = Math.max(0, growthBytes - this.#disk.freeBytes());
    const takenBytes = Math.max(0, wantedBytes - missingBytes);
    this.#disk.counters.writes++;
    this.#disk.counters.writtenBytes += takenBytes;
    if (takenBytes > 0) this.#disk.medium.write(this.#node, offset, data.subarray(0, takenBytes));
    if (missingBytes > 0) throw new DiskError('no-space', `${this.#disk.name} is full`);
  }

  #requireWritable(): void {
    if (!this.#writable) throw new DiskError('refused', `${this.#path} is open for reading only`);
  }
}
