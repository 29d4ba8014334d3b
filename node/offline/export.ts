// Brings the objects of a dead cluster out into ordinary files, from whatever of its drives are left. Each object is written
// only when every byte of it was verified; what cannot be had is listed, with the reason. Never writes to a drive.
import { mkdir, open, readdir, realpath, rm, utimes } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import type { ObjectVersion } from '../format/object-formats.ts';
import type { BareDrive } from '../storage/bare-drive.ts';
import { type FoundObject, FoundObjects, type ObjectFilter } from './found-objects.ts';
import type { Certainty } from './judgement.ts';
import { bucketPath, MANIFEST_FILE, objectPath } from './object-paths.ts';
import { OfflineError } from './offline-error.ts';
import { LostError, Reassembly } from './reassemble.ts';
import { type PartitionCount, Registers } from './registers.ts';

/** A line of the manifest. */
export interface ManifestEntry {
  readonly bucket: string;
  readonly key: string;
  /** Below the output directory; null when nothing was written. */
  readonly file: string | null;
  readonly status: 'exported' | 'unrecoverable';
  readonly certainty: Certainty;
  /** What was exported is not the newest that was seen: that one cannot be rebuilt, and may never have been acknowledged. */
  readonly isOlder: boolean;
  readonly problem: string | null;
  readonly sizeBytes: number | null;
  readonly etag: string | null;
  /** ISO 8601. */
  readonly modified: string | null;
  /** System headers by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  readonly userMetadata: Readonly<Record<string, string>>;
}

export interface ExportReport {
  readonly partitions: PartitionCount;
  /** No drive here has a cluster map that can be read: nothing can be said of what is missing. */
  readonly isMapLost: boolean;
  readonly buckets: readonly BucketExport[];
}

export interface BucketExport {
  readonly name: string;
  readonly exported: number;
  readonly exportedBytes: number;
  /** Of the exported: a newer version may have been on the drives that are not here. */
  readonly uncertain: number;
  readonly unrecoverable: number;
}

export interface ExportOptions extends ObjectFilter {
  readonly drives: readonly BareDrive[];
  /** Made when it does not exist; must be empty. */
  readonly out: string;
  /** Called for every object. */
  readonly onObject?: (entry: ManifestEntry) => void;
}

/** Rejects with OfflineError 'input' when the output cannot go there, 'failure' when it cannot be written. */
export async function exportObjects({ drives, out, onObject, ...filter }: ExportOptions): Promise<ExportReport> {
  await prepareOutput(out, drives);
  const registers = await Registers.of(drives);
  const objects = await FoundObjects.of(registers);
  requireBucket(objects, filter.bucket);
  const writer = new ObjectWriter(resolve(out), new Reassembly(drives));
  const tally = new Tally(filter.bucket === undefined ? objects.buckets.map(({ name }) => name) : [filter.bucket]);
  const manifest = await open(join(out, MANIFEST_FILE), 'wx').catch(asFailure);
  try {
    for await (const object of objects.all(filter)) {
      const entry = await writer.write(object);
      if (entry === null) continue;
      tally.add(entry);
      onObject?.(entry);
      await manifest.writeFile(`${JSON.stringify(entry)}\n`).catch(asFailure);
    }
    await manifest.sync().catch(asFailure);
    await writer.syncDirectories();
  } finally {
    await manifest.close();
  }
  return { partitions: registers.partitions, isMapLost: registers.topology === null, buckets: tally.buckets };
}

class ObjectWriter {
  readonly #out: string;
  readonly #reassembly: Reassembly;
  readonly #directories: Set<string>;

  /** out: an absolute path. */
  constructor(out: string, reassembly: Reassembly) {
    this.#out = out;
    this.#directories = new Set([out]);
    this.#reassembly = reassembly;
  }

  /** null: the object was deleted. */
  async write(object: FoundObject): Promise<ManifestEntry | null> {
    const { bucket, key, certainty, versions, damage, isDirectory } = object;
    const [newest] = versions;
    if (newest === null) return null;
    const file = join(bucketPath(bucket.name), objectPath(key, isDirectory));
    const problems = [...damage];
    // A decided version has no alternative.
    for (const version of certainty === 'decided' ? versions.slice(0, 1) : versions) {
      if (version === null) break;
      const problem = await this.#writeFile(file, version);
      if (problem === null) {
        const isOlder = version !== newest;
        const remark = problems.length > 0 ? problems.join('; ') : null;
        return { ...described(object, version), file, status: 'exported', isOlder, problem: remark };
      }
      problems.push(problem);
    }
    const problem = problems.length > 0 ? problems.join('; ') : 'nothing of it can be read';
    return { ...described(object, newest ?? null), file: null, status: 'unrecoverable', isOlder: false, problem };
  }

  /** From then on the names of the files are durable, as their bytes are: this may be the only copy by the time somebody reads it. */
  async syncDirectories(): Promise<void> {
    for (const path of this.#directories) {
      const handle = await open(path, 'r').catch(asFailure);
      try {
        await handle.sync().catch(asFailure);
      } finally {
        await handle.close();
      }
    }
  }

  /** The directory and those that it lies in, as far as they are the export's. */
  #remember(directory: string): void {
    for (let path = directory; !this.#directories.has(path); path = dirname(path)) this.#directories.add(path);
  }

  /** Gives what is wrong with the object; null when it was written. */
  async #writeFile(file: string, version: ObjectVersion): Promise<string | null> {
    const path = join(this.#out, file);
    let isOurs = false;
    try {
      await mkdir(dirname(path), { recursive: true });
      this.#remember(dirname(path));
      const handle = await open(path, 'wx');
      isOurs = true;
      try {
        for await (const bytes of this.#reassembly.bytes(version)) await handle.writeFile(bytes);
        await handle.datasync();
      } finally {
        await handle.close();
      }
      const modified = new Date(version.modifiedMs);
      await utimes(path, modified, modified);
      return null;
    } catch (error) {
      const isOfThisOne = error instanceof LostError || isPathProblem(error);
      if (!isOfThisOne) throw asFailure(error);
      if (isOurs) await rm(path);
      return error.message;
    }
  }
}

function described(
  { bucket, key, certainty }: FoundObject,
  version: ObjectVersion | null,
): Omit<ManifestEntry, 'file' | 'status' | 'isOlder' | 'problem'> {
  return {
    bucket: bucket.name,
    key,
    certainty,
    sizeBytes: version?.sizeBytes ?? null,
    etag: version?.etag ?? null,
    modified: version && new Date(version.modifiedMs).toISOString(),
    headers: version?.headers ?? {},
    userMetadata: version?.user ?? {},
  };
}

class Tally {
  readonly #buckets = new Map<string, { -readonly [K in keyof BucketExport]: BucketExport[K] }>();

  /** Buckets that are shown even without objects. */
  constructor(names: readonly string[]) {
    for (const name of names) this.#bucket(name);
  }

  get buckets(): BucketExport[] {
    return [...this.#buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  add({ bucket: name, status, certainty, isOlder, sizeBytes }: ManifestEntry): void {
    const bucket = this.#bucket(name);
    if (status === 'unrecoverable') {
      bucket.unrecoverable++;
      return;
    }
    bucket.exported++;
    bucket.exportedBytes += sizeBytes ?? 0;
    if (certainty === 'uncertain' || isOlder) bucket.uncertain++;
  }

  #bucket(name: string) {
    const known = this.#buckets.get(name) ?? { name, exported: 0, exportedBytes: 0, uncertain: 0, unrecoverable: 0 };
    this.#buckets.set(name, known);
    return known;
  }
}

async function prepareOutput(out: string, drives: readonly BareDrive[]): Promise<void> {
  try {
    await mkdir(out, { recursive: true });
    const real = await realpath(out);
    const inside = drives.find(({ name }) => `${real}${sep}`.startsWith(`${name}${sep}`));
    if (inside !== undefined) {
      throw new OfflineError('input', `${out} lies on the drive ${inside.name}, and nothing is written to a drive`);
    }
    if ((await readdir(out)).length > 0) {
      throw new OfflineError('input', `${out} is not empty; name an empty directory, or one that does not exist yet`);
    }
  } catch (error) {
    if (error instanceof OfflineError) throw error;
    throw new OfflineError('input', `${out} cannot take the objects: ${String(error)}`, { cause: error });
  }
}

function requireBucket(objects: FoundObjects, name: string | undefined): void {
  const names = objects.buckets.map((bucket) => bucket.name);
  if (name === undefined || names.includes(name)) return;
  const known = names.length === 0 ? 'they have no bucket' : `they have ${names.sort().join(', ')}`;
  throw new OfflineError('input', `these drives have no bucket ${name}; ${known}`);
}

/** The output's file system cannot have a file of that name, for instance because it does not tell "A" from "a". */
function isPathProblem(error: unknown): error is Error {
  return error instanceof Error && 'code' in error && PATH_PROBLEMS.includes(String(error.code));
}

const PATH_PROBLEMS = ['EEXIST', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG', 'EINVAL', 'EILSEQ'];

function asFailure(error: unknown): never {
  const isSystem = error instanceof Error && 'code' in error;
  throw isSystem
    ? new OfflineError('failure', `the output cannot be written: ${error.message}`, { cause: error })
    : error;
}
