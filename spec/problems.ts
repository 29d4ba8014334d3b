// From what zod found wrong to what a person can act on: the place, what is wrong there, what would be right.
import type { z } from 'zod';
import { hostPlace } from './hosts-places.ts';
import { nearestWord } from './nearest-word.ts';
import { PLACES, type Place, SETTINGS } from './schema.ts';

/** Keys and indexes from the top of the document. */
export type Path = readonly (string | number)[];

/** A problem before its line and column are known. */
export interface Finding {
  readonly path: Path;
  /** The problem is the key itself rather than its value. */
  readonly atKey: boolean;
  readonly message: string;
  readonly remedy: string;
}

type Issue = z.core.$ZodIssue;

/** document: what was parsed; the issues are zod's about it. */
export function findingsOf(document: unknown, issues: readonly Issue[]): Finding[] {
  return issues.flatMap((issue) => findingsOfIssue(document, issue, []));
}

/** "nodes.a1.drives[2].path" */
export function pathText(path: Path): string {
  return path.map((part, i) => (typeof part === 'number' ? `[${part}]` : i === 0 ? part : `.${part}`)).join('');
}

function findingsOfIssue(document: unknown, issue: Issue, base: Path): Finding[] {
  const path = [...base, ...issue.path.map((part) => (typeof part === 'symbol' ? String(part) : part))];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownSetting(path, key));
    case 'invalid_union': {
      // The alternative that the writer meant is the one whose kind of value is there; its issues are about the parts.
      const meant = issue.errors.find((option) =>
        option.every((inner) => inner.path.length > 0 || !isKindIssue(inner)),
      );
      if (meant === undefined || meant.length === 0) return [wrongValue(document, path)];
      return meant.flatMap((inner) => findingsOfIssue(document, inner, path));
    }
    case 'invalid_key': {
      const { noun, remedy } = placeAt([...path.slice(0, -1), '#']);
      return [{ path, atKey: true, message: `"${path.at(-1)}" is not ${noun}`, remedy }];
    }
    default:
      return [wrongValue(document, path)];
  }
}

function isKindIssue(issue: Issue): boolean {
  return issue.code === 'invalid_type' || issue.code === 'invalid_union';
}

function wrongValue(document: unknown, path: Path): Finding {
  const value = valueAt(document, path);
  const { noun, remedy } = placeAt(path);
  if (value === undefined) return { path, atKey: false, message: 'is missing', remedy };
  if (value === null && path.length === 0) return { path, atKey: false, message: 'the file is empty', remedy };
  return { path, atKey: false, message: `${show(value)} is not ${noun}`, remedy };
}

/** What people are used to from other systems. */
const OTHER_WORDS: Readonly<Record<string, string>> = {
  scheme: 'erasure',
  parity: 'erasure',
  ec: 'erasure',
  disks: 'drives',
  servers: 'nodes',
  host: 'address',
  size: 'capacity',
  port: 'endpoint',
  domain: 'domains',
  pools: 'volumes',
};

function unknownSetting(parent: Path, key: string): Finding {
  const known = SETTINGS[generic(parent)] ?? [];
  const other = OTHER_WORDS[key.toLowerCase()];
  const meant = other !== undefined && known.includes(other) ? other : nearestWord(key, known);
  const remedy =
    meant === null ? `Remove it, or use one of: ${known.join(', ')}.` : `Did you mean "${meant}"? Else remove it.`;
  return { path: [...parent, key], atKey: true, message: `there is no setting "${key}" here`, remedy };
}

function placeAt(path: Path): Place {
  const name = generic(path);
  // Drives and capacities read the same wherever they stand.
  const place = PLACES[name] ?? PLACES[name.replace(/^nodes\.\*\./, '')] ?? PLACES[name.replace(/^.*\./, '')];
  if (place === undefined) throw new Error(`no remedy is written for ${name}`);
  return place;
}

/** ['nodes', 'a1', 'drives', 2] → "nodes.*.drives.*" */
function generic(path: Path): string {
  if (path[0] === 'hosts') return hostPlace(path);
  const [first, second, ...rest] = path.map((part) => (typeof part === 'number' ? '*' : part));
  const named = (first === 'nodes' || first === 'zones') && second !== '#' ? '*' : second;
  return [first, second === undefined ? undefined : named, ...rest].filter((part) => part !== undefined).join('.');
}

function valueAt(document: unknown, path: Path): unknown {
  let value = document;
  for (const part of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[part];
  }
  return value;
}

function show(value: unknown): string {
  if (value === null) return 'nothing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
