// Which npm packages the storage node needs at run time, taken from the lockfile of the whole repository: what its code imports,
// and what that depends on. Pure; nothing is installed here.
import { z } from 'zod';

const LOCK_ENTRY = z.looseObject({
  version: z.string().optional(),
  dependencies: z.record(z.string(), z.string()).optional(),
  optionalDependencies: z.record(z.string(), z.string()).optional(),
  peerDependencies: z.record(z.string(), z.string()).optional(),
  peerDependenciesMeta: z.record(z.string(), z.looseObject({ optional: z.boolean().optional() })).optional(),
});
const LOCKFILE = z.looseObject({ lockfileVersion: z.literal(3), packages: z.record(z.string(), LOCK_ENTRY) });

type Lockfile = z.output<typeof LOCKFILE>;
type LockEntry = z.output<typeof LOCK_ENTRY>;

export interface NodePackages {
  /** Of the packages that the code imports: exact versions. */
  readonly dependencies: Readonly<Record<string, string>>;
  /** A lockfile (its JSON) of these and what they need, for a package.json with these dependencies. */
  readonly lockfile: object;
}

/** Statements as the compiler writes them, each at the start of a line; and import(). */
const IMPORT = /^(?:import|export)\b(?:[^;'"]*?\bfrom)?\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]/gm;

/** The packages that JavaScript sources import, without Node's own modules, in the order of their names. */
export function importedPackages(sources: Iterable<string>): string[] {
  const names = new Set<string>();
  for (const source of sources) {
    for (const [, stated, dynamic] of source.matchAll(IMPORT)) {
      const module = stated ?? dynamic!;
      if (module.startsWith('.') || module.startsWith('node:')) continue;
      names.add(
        module
          .split('/')
          .slice(0, module.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    }
  }
  return [...names].sort();
}

/** project: its name and version. Throws RangeError when the lockfile is of another kind, or lacks a package. */
export function lockedPackages(
  lockfile: unknown,
  names: readonly string[],
  project: { readonly name: string; readonly version: string },
): NodePackages {
  const parsed = LOCKFILE.safeParse(lockfile);
  if (!parsed.success) throw new RangeError('package-lock.json is not of version 3');
  const { packages } = parsed.data;
  const needed = new Set<string>();
  const dependencies: Record<string, string> = {};
  for (const name of names) {
    const path = resolvePackage(parsed.data, '', name);
    if (path === null) throw new RangeError(`package-lock.json has no ${name}, which the node imports`);
    dependencies[name] = packages[path]!.version!;
    addWithNeeds(parsed.data, path, needed);
  }
  const kept = [...needed].sort().map((path) => [path, packages[path]!] as const);
  return {
    dependencies,
    lockfile: {
      ...project,
      lockfileVersion: 3,
      requires: true,
      packages: { '': { ...project, dependencies }, ...Object.fromEntries(kept) },
    },
  };
}

function addWithNeeds(lockfile: Lockfile, path: string, needed: Set<string>): void {
  if (needed.has(path)) return;
  needed.add(path);
  for (const [name, isOptional] of needsOf(lockfile.packages[path]!)) {
    const found = resolvePackage(lockfile, path, name);
    if (found !== null) addWithNeeds(lockfile, found, needed);
    else if (!isOptional) throw new RangeError(`package-lock.json has no ${name}, which ${path} needs`);
  }
}

function needsOf(entry: LockEntry): Map<string, boolean> {
  const { dependencies = {}, optionalDependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = entry;
  return new Map([
    // Peers that are not required are the choice of whoever installs, and the node's code imports all that it uses.
    ...Object.keys(peerDependencies)
      .filter((name) => peerDependenciesMeta[name]?.optional !== true)
      .map((name) => [name, false] as const),
    ...Object.keys(dependencies).map((name) => [name, false] as const),
    ...Object.keys(optionalDependencies).map((name) => [name, true] as const),
  ]);
}

/** As Node finds packages: beside the one that asks, then further up. */
function resolvePackage({ packages }: Lockfile, from: string, name: string): string | null {
  for (let base = from; ; base = base.slice(0, Math.max(0, base.lastIndexOf('/node_modules/')))) {
    const path = base === '' ? `node_modules/${name}` : `${base}/node_modules/${name}`;
    if (packages[path] !== undefined) return path;
    if (base === '') return null;
  }
}
