// Text → spec: YAML (of which JSON is a part), then the schema, then what no schema can say. All problems are found in one
// run, each with its place in the text.
import { type Document, isMap, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { ParseResult, SpecProblem } from './cluster-spec.ts';
import { type Finding, findingsOf, type Path, pathText } from './problems.ts';
import { type Resolution, resolveSpec } from './resolve.ts';
import { documentSchema } from './schema.ts';

/** YAML (or JSON) in, a complete spec or all of its problems out. fileName is only for the problems' places. */
export function parseClusterSpec(text: string, fileName: string): ParseResult {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const syntax = [...document.errors, ...document.warnings];
  if (syntax.length > 0) {
    const problems = syntax.map(({ message, pos }) => syntaxProblem(message, fileName, lines.linePos(pos[0])));
    return { ok: false, problems };
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: 100 });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, problems: [syntaxProblem(message, fileName, null)] };
  }
  const { spec, findings } = check(value);
  if (findings.length === 0) return { ok: true, spec };
  const placed = findings.map((finding) => ({ finding, at: placeOf(finding, document, lines) }));
  const problems = placed.map(({ finding: { path, message, remedy }, at }) => ({
    ...position(fileName, at),
    path: pathText(path),
    message,
    remedy,
  }));
  return { ok: false, problems: problems.sort(byPlace) };
}

function check(value: unknown): Resolution {
  const result = documentSchema.safeParse(value);
  if (result.success) return resolveSpec(result.data, new Set());
  const findings = findingsOf(value, result.error.issues);
  const document = isRecord(value) ? value : {};
  const sound = documentSchema.partial().safeParse(soundPart(document, findings));
  if (!sound.success) throw new Error(`what is left without the problems is a problem: ${sound.error.message}`);
  // What is missing was named by the schema already, and what is malformed cannot be said to be missing.
  const broken = new Set(findings.map(({ path }) => String(path[0])));
  const resolution = isRecord(value)
    ? resolveSpec(sound.data, broken)
    : { spec: resolveSpec({}, broken).spec, findings: [] };
  return { spec: resolution.spec, findings: [...findings, ...resolution.findings] };
}

/** The document without the settings that were found wrong; of the nodes only the wrong ones are left out. */
function soundPart(document: Record<string, unknown>, findings: readonly Finding[]): Record<string, unknown> {
  const without = (record: Record<string, unknown>, keys: ReadonlySet<string>) =>
    Object.fromEntries(Object.entries(record).filter(([key]) => !keys.has(key)));
  const inNodes = findings.filter(({ path }) => path[0] === 'nodes' && path.length > 1);
  const elsewhere = findings.filter((finding) => !inNodes.includes(finding));
  const sound = without(document, new Set(elsewhere.map(({ path }) => String(path[0]))));
  if (!isRecord(sound.nodes)) return sound;
  return { ...sound, nodes: without(sound.nodes, new Set(inNodes.map(({ path }) => String(path[1])))) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

type Position = { readonly line: number; readonly col: number } | null;

function position(fileName: string, at: Position): Pick<SpecProblem, 'where' | 'line' | 'column'> {
  const where = at === null ? fileName : `${fileName}:${at.line}:${at.col}`;
  return { where, line: at?.line ?? null, column: at?.col ?? null };
}

function syntaxProblem(message: string, fileName: string, at: Position): SpecProblem {
  return {
    ...position(fileName, at),
    path: '',
    message: `not valid YAML: ${message.replace(/\s+/g, ' ').replace(/\.$/, '')}`,
    remedy: 'Look at the indentation, the colons and the quotes there.',
  };
}

function placeOf(finding: Finding, document: Document, lines: LineCounter): Position {
  const offset = offsetOf(finding.path, finding.atKey, document);
  return offset === null ? null : lines.linePos(offset);
}

/** Where the value (or the key) begins; of what is missing, where its parent begins. */
function offsetOf(path: Path, atKey: boolean, document: Document): number | null {
  const parent = path.length > 0 ? document.getIn(path.slice(0, -1), true) : undefined;
  const last = path.at(-1);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => isScalar(key) && String(key.value) === String(last));
    const node = (atKey ? pair?.key : (pair?.value ?? pair?.key)) as Node | null | undefined;
    if (node?.range) return node.range[0];
  }
  const node = document.getIn(path, true) as Node | undefined;
  if (node?.range) return node.range[0];
  return path.length === 0 ? null : offsetOf(path.slice(0, -1), true, document);
}

function byPlace(a: SpecProblem, b: SpecProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
