// What a simulated disk holds: for every file and directory what the system shows (volatile) and what a power cut would
// leave (durable), with the changes in between in their order. Synchronous; sim-disk.ts gives it time, faults and the port.
//
// The model of a power cut is as hostile as POSIX permits and real file systems have been seen to be: of the unsynced
// writes of a file any subset survives, torn at sectors of 512 bytes; of the unsynced changes to directories any subset
// survives that keeps the order of changes to the same name; a rename stays atomic.
import { DiskError, pathParts } from '../../node/io/disk.ts';
import type { SimRandom } from './sim-random.ts';
import { SparseBytes } from './sparse-bytes.ts';

const SECTOR_BYTES = 512;

type FileChange =
  | { readonly kind: 'write'; readonly sequence: number; readonly offset: number; readonly data: Buffer }
  | { readonly kind: 'truncate'; readonly sequence: number; readonly sizeBytes: number };

export class FileNode {
  volatile = new SparseBytes();
  durable = new SparseBytes();
  pending: FileChange[] = [];
}

export class DirectoryNode {
  volatile = new Map<string, Entry>();
  durable = new Map<string, Entry>();
}

type Entry = FileNode | DirectoryNode;

interface NameChange {
  readonly directory: DirectoryNode;
  readonly name: string;
  readonly entry: Entry | null;
}

interface DirectoryChange {
  readonly sequence: number;
  /** Applied together or not at all. */
  readonly names: readonly NameChange[];
  /** Directories whose sync is still missing. */
  readonly unsynced: Set<DirectoryNode>;
}

export class Medium {
  #root = new DirectoryNode();
  #pending: DirectoryChange[] = [];
  #sequence = 0;
  #usedBytes = 0;

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** All changes up to now have at most this number: what a sync that is asked for now must cover. */
  get sequence(): number {
    return this.#sequence;
  }

  file(path: string): FileNode {
    const node = this.#find(path);
    if (node instanceof DirectoryNode) throw new DiskError('refused', `${path} is a directory`);
    return node;
  }

  create(path: string): FileNode {
    const { directory, name } = this.#parent(path);
    if (directory.volatile.has(name)) throw new DiskError('exists', `${path} exists`);
    const node = new FileNode();
    this.#change([{ directory, name, entry: node }]);
    return node;
  }

  rename(from: string, to: string): void {
    const source = this.#parent(from);
    const target = this.#parent(to);
    const node = this.#find(from);
    const replaced = target.directory.volatile.get(target.name);
    if (replaced === node) return;
    if (node instanceof DirectoryNode || replaced instanceof DirectoryNode) {
      throw new DiskError('refused', `cannot rename ${from} to ${to}: a directory`);
    }
    if (replaced !== undefined) this.#usedBytes -= replaced.volatile.sizeBytes;
    this.#change([
      { directory: source.directory, name: source.name, entry: null },
      { directory: target.directory, name: target.name, entry: node },
    ]);
  }

  remove(path: string): void {
    const { directory, name } = this.#parent(path);
    const node = this.file(path);
    this.#usedBytes -= node.volatile.sizeBytes;
    this.#change([{ directory, name, entry: null }]);
  }

  makeDirectory(path: string): void {
    const parts = pathParts(path);
    let directory = this.#root;
    for (const [index, name] of parts.entries()) {
      let node = directory.volatile.get(name);
      if (node instanceof FileNode) {
        const isLast = index === parts.length - 1;
        throw new DiskError(isLast ? 'exists' : 'not-a-directory', `${parts.slice(0, index + 1).join('/')} is a file`);
      }
      if (node === undefined) {
        node = new DirectoryNode();
        this.#change([{ directory, name, entry: node }]);
      }
      directory = node;
    }
  }

  list(path: string): string[] {
    return [...this.#directory(pathParts(path), path).volatile.keys()].sort();
  }

  write(file: FileNode, offset: number, data: Buffer): void {
    const before = file.volatile.sizeBytes;
    file.volatile.write(offset, data);
    this.#usedBytes += file.volatile.sizeBytes - before;
    file.pending.push({ kind: 'write', sequence: ++this.#sequence, offset, data });
  }

  truncate(file: FileNode, sizeBytes: number): void {
    this.#usedBytes += sizeBytes - file.volatile.sizeBytes;
    file.volatile.truncate(sizeBytes);
    file.pending.push({ kind: 'truncate', sequence: ++this.#sequence, sizeBytes });
  }

  syncFile(file: FileNode, upTo: number): void {
    for (const change of file.pending) if (change.sequence <= upTo) applyChange(file.durable, change);
    file.pending = file.pending.filter((change) => change.sequence > upTo);
  }

  /**
   * A sync that failed: of what it should have covered some is durable and the rest never will be, though reads go on
   * showing it. This is what Linux does with pages whose write-back failed, and why a second sync proves nothing.
   */
  failSync(file: FileNode, upTo: number, random: SimRandom): void {
    for (const change of file.pending) {
      if (change.sequence <= upTo && random.chance(0.5)) applyChange(file.durable, change);
    }
    file.pending = file.pending.filter((change) => change.sequence > upTo);
  }

  syncDirectory(path: string, upTo: number): void {
    const directory = this.#directory(pathParts(path), path);
    for (const change of [...this.#pending]) {
      if (change.sequence > upTo || !change.unsynced.delete(directory) || change.unsynced.size > 0) continue;
      this.#persist(change);
    }
  }

  /** Power fails and comes back: the system now shows what the device kept. */
  crash(random: SimRandom): void {
    this.#keepSomeDirectoryChanges(random);
    const keepChance = keepChanceOf(random);
    const seen = new Set<Entry>();
    let usedBytes = 0;
    const settle = (directory: DirectoryNode) => {
      directory.volatile = new Map(directory.durable);
      for (const node of directory.volatile.values()) {
        if (node instanceof DirectoryNode) {
          settle(node);
        } else if (!seen.has(node)) {
          seen.add(node);
          keepSomeWrites(node, keepChance, random);
          usedBytes += node.volatile.sizeBytes;
        }
      }
    };
    settle(this.#root);
    this.#usedBytes = usedBytes;
  }

  /** Everything is gone, as on a drive that was replaced. */
  wipe(): void {
    this.#root = new DirectoryNode();
    this.#pending = [];
    this.#usedBytes = 0;
  }

  /** Paths of all files, in order. */
  files(): string[] {
    const paths: string[] = [];
    const walk = (directory: DirectoryNode, prefix: string) => {
      for (const name of [...directory.volatile.keys()].sort()) {
        const node = directory.volatile.get(name);
        if (node instanceof DirectoryNode) walk(node, `${prefix}${name}/`);
        else paths.push(prefix + name);
      }
    };
    walk(this.#root, '');
    return paths;
  }

  #find(path: string): Entry {
    const { directory, name } = this.#parent(path);
    const node = directory.volatile.get(name);
    if (node === undefined) throw new DiskError('not-found', `${path} does not exist`);
    return node;
  }

  #parent(path: string): { directory: DirectoryNode; name: string } {
    const parts = pathParts(path);
    const name = parts.pop();
    if (name === undefined) throw new DiskError('refused', 'the root of a disk is a directory');
    return { directory: this.#directory(parts, path), name };
  }

  #directory(parts: readonly string[], path: string): DirectoryNode {
    let directory = this.#root;
    for (const name of parts) {
      const node = directory.volatile.get(name);
      if (node === undefined) throw new DiskError('not-found', `${path}: ${name} does not exist`);
      if (node instanceof FileNode) throw new DiskError('not-a-directory', `${path}: ${name} is a file`);
      directory = node;
    }
    return directory;
  }

  #change(names: readonly NameChange[]): void {
    for (const { directory, name, entry } of names) setName(directory.volatile, name, entry);
    const unsynced = new Set(names.map(({ directory }) => directory));
    this.#pending.push({ sequence: ++this.#sequence, names, unsynced });
  }

  /** A change cannot be durable before the earlier changes to the same names. */
  #persist(change: DirectoryChange): void {
    const index = this.#pending.indexOf(change);
    if (index < 0) return;
    for (const earlier of this.#pending.slice(0, index)) if (touchSameName(earlier, change)) this.#persist(earlier);
    this.#pending.splice(this.#pending.indexOf(change), 1);
    for (const { directory, name, entry } of change.names) setName(directory.durable, name, entry);
  }

  #keepSomeDirectoryChanges(random: SimRandom): void {
    const keepChance = keepChanceOf(random);
    const lost: DirectoryChange[] = [];
    for (const change of this.#pending) {
      if (lost.some((earlier) => touchSameName(earlier, change)) || !random.chance(keepChance)) {
        lost.push(change);
        continue;
      }
      for (const { directory, name, entry } of change.names) setName(directory.durable, name, entry);
    }
    this.#pending = [];
  }
}

/** All and nothing are the likeliest ends of real power cuts, and the ends where most mistakes show. */
function keepChanceOf(random: SimRandom): number {
  return random.pick([0, 1, random.fraction(), random.fraction()]);
}

function keepSomeWrites(file: FileNode, keepChance: number, random: SimRandom): void {
  for (const change of file.pending) {
    if (change.kind === 'write' && random.chance(0.3)) writeTorn(file.durable, change.offset, change.data, random);
    else if (random.chance(keepChance)) applyChange(file.durable, change);
  }
  file.pending = [];
  file.volatile = file.durable.copy();
}

/** Each sector of the write lands or does not; the size may have grown even where the data did not land. */
export function writeTorn(content: SparseBytes, offset: number, data: Buffer, random: SimRandom): void {
  const end = offset + data.length;
  for (let at = offset; at < end; ) {
    const next = Math.min(end, at - (at % SECTOR_BYTES) + SECTOR_BYTES);
    if (random.chance(0.5)) content.write(at, data.subarray(at - offset, next - offset));
    at = next;
  }
  if (content.sizeBytes < end && random.chance(0.5)) content.truncate(end);
}

function applyChange(content: SparseBytes, change: FileChange): void {
  if (change.kind === 'write') content.write(change.offset, change.data);
  else content.truncate(change.sizeBytes);
}

function setName(names: Map<string, Entry>, name: string, entry: Entry | null): void {
  if (entry === null) names.delete(name);
  else names.set(name, entry);
}

function touchSameName(a: DirectoryChange, b: DirectoryChange): boolean {
  return a.names.some((x) => b.names.some((y) => x.directory === y.directory && x.name === y.name));
}
