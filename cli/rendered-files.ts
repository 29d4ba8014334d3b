// Files that are rendered for other programs, and later rendered again: which of them may be replaced. Beside them lies a list of
// what was written, with digests. A file may be replaced when it is not there, is as it was written, or already is what it is to
// become; anything else is somebody's work. Either all files are written or none is touched.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { CommandContext } from './command.ts';
import { displayPath } from './display-path.ts';
import { UsageError } from './errors.ts';

export interface RenderProps {
  readonly workingDirectory: string;
  /** As a person named it; made when it is not there. */
  readonly out: string;
  /** Texts, or bytes, by file name. */
  readonly files: ReadonlyMap<string, string | Uint8Array>;
  /** Replaces what somebody else wrote. */
  readonly force: boolean;
}

/** Files as a person would name them. */
export interface RenderOutcome {
  readonly written: readonly string[];
  readonly unchanged: readonly string[];
}

const LIST_FILE = '.ashlar-rendered.json';

/** Throws UsageError with every file that is in the way, and then has changed nothing. */
export function writeRendered({ workingDirectory, out, files: given, force }: RenderProps): RenderOutcome {
  const files = new Map([...given].map(([name, content]) => [name, Buffer.from(content as Uint8Array)]));
  const directory = resolve(workingDirectory, out);
  const shown = (name: string) => displayPath(workingDirectory, join(directory, name));
  const digests = readList(join(directory, LIST_FILE));
  const found = new Map([...files.keys()].map((name) => [name, read(join(directory, name), shown(name))]));
  const isSame = (name: string, bytes: Buffer | null) => bytes?.equals(files.get(name)!) === true;
  const isOurs = (name: string, bytes: Buffer) => isSame(name, bytes) || digests[name] === digest(bytes);
  const foreign = [...found].filter(([name, bytes]) => bytes !== null && !isOurs(name, bytes)).map(([name]) => name);
  if (foreign.length > 0 && !force) throw new UsageError(inTheWay(foreign.map(shown)));

  const changed = [...files].filter(([name]) => !isSame(name, found.get(name)!));
  try {
    mkdirSync(directory, { recursive: true });
    for (const [name, bytes] of changed) replace(join(directory, name), bytes);
    const list = { ...digests, ...Object.fromEntries([...files].map(([name, bytes]) => [name, digest(bytes)])) };
    replaceList(join(directory, LIST_FILE), list, digests);
  } catch (error) {
    throw new UsageError(`${shown('')} cannot be written: ${(error as Error).message}`);
  }
  const changedNames = new Set(changed.map(([name]) => name));
  return {
    written: [...changedNames].map(shown),
    unchanged: [...files.keys()].filter((name) => !changedNames.has(name)).map(shown),
  };
}

export function reportRendered(context: CommandContext, { written, unchanged }: RenderOutcome): void {
  for (const file of written) context.print(`Wrote ${file}.`);
  for (const file of unchanged) context.print(`${file} is as it should be already.`);
}

function inTheWay(files: readonly string[]): string {
  const [them, were] = files.length === 1 ? ['it', 'was'] : ['them', 'were'];
  return (
    `${files.join(' and ')} ${were} not rendered here, or changed since, so nothing was written; ` +
    `move ${them} away, name another directory with --out, or overwrite ${them} with --force`
  );
}

/** null: there is no such file. */
function read(path: string, shown: string): Buffer | null {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return null;
    const why = code === 'EISDIR' ? 'it is a directory' : code === 'ENOTDIR' ? 'its directory is a file' : message;
    throw new UsageError(`${shown} cannot be written: ${why}`);
  }
}

/** A list that cannot be read names nothing as ours, which loses nobody's work. */
function readList(path: string): Record<string, string> {
  try {
    const list: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof list === 'object' && list !== null ? (list as Record<string, string>) : {};
  } catch {
    return {};
  }
}

function replaceList(path: string, list: Record<string, string>, before: Record<string, string>): void {
  if (Object.entries(list).every(([name, value]) => before[name] === value)) return;
  replace(path, `${JSON.stringify(list, null, 2)}\n`);
}

/** Whoever reads it sees the old content or the new one. */
function replace(path: string, content: string | Buffer): void {
  const temporary = `${path}.new`;
  writeFileSync(temporary, content);
  renameSync(temporary, path);
}

function digest(bytes: Buffer): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
