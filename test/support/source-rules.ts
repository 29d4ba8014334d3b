// What every source file of the repository must keep, as data and as functions from a file's text to its problems: who may
// import whom, what pure code must not reach for, and the habits that a machine can check. test/unit/architecture.test.ts
// applies them. Design section 3 is the reason of the table; each problem names the file, the line and the rule.
import { dirname, join } from 'node:path/posix';
import ts from 'typescript';

export interface SourceFile {
  /** From the root of the repository, for instance "node/core/keys.ts". */
  readonly path: string;
  readonly text: string;
}

/**
 * By beginning of a path: the beginnings of what files there may import, besides files beside and below them. The longest
 * beginning counts. What is not listed may import nothing of ours.
 */
export const IMPORT_TABLE: Readonly<Record<string, readonly string[]>> = {
  'spec/': [],
  'plan/': ['spec/', 'node/core/'],
  'stacks/': ['spec/', 'plan/'],
  // Runs real nodes on this machine, and reads their drives and answers.
  'stacks/local/': ['spec/', 'plan/', 'node/', 'stacks/credentials.ts', 'stacks/worded-error.ts'],
  // Its services run the balancer that is rendered there.
  'stacks/swarm/': ['spec/', 'plan/', 'stacks/'],
  'stacks/kubernetes/': ['spec/', 'plan/', 'stacks/'],
  // Hands what is rendered for machines to other people's stacks.
  'stacks/host-tuning/': ['spec/', 'host-tuning/', 'stacks/swarm/terraform-text.ts'],
  // Keeps its hosts as the local target keeps its processes: found again by their records, and only those ever signalled.
  'stacks/testbed/': [
    'stacks/local/processes.ts',
    'stacks/local/program-files.ts',
    'stacks/docker.ts',
    'stacks/run-program.ts',
    'stacks/worded-error.ts',
  ],
  'host-tuning/': ['spec/', 'plan/'],
  'migrate/': [],
  'cli/': ['spec/', 'plan/', 'stacks/', 'host-tuning/', 'migrate/', 'node/admin/status.ts', 'node/offline/'],
  'index.ts': ['spec/', 'plan/', 'stacks/', 'node/admin/status.ts'],
  // The composition root of a node and what only it uses.
  'node/': ['node/'],
  'node/core/': ['node/format/'],
  'node/format/': ['node/core/'],
  'node/erasure/': [],
  'node/io/': ['node/format/'],
  'node/storage/': ['node/io/', 'node/format/', 'node/core/limits.ts', 'node/core/own-bytes.ts'],
  'node/cluster/': [
    'node/core/',
    'node/format/',
    'node/erasure/',
    'node/io/',
    'node/storage/',
    // The shape of a status report is the contract between the node and those who ask it.
    'node/admin/status.ts',
  ],
  'node/s3/': ['node/cluster/', 'node/core/', 'node/format/', 'node/io/'],
  'node/admin/': ['node/cluster/', 'node/core/', 'node/format/', 'node/io/', 'node/s3/'],
  // Reads the drives of a cluster that no node serves any more; nothing of a node uses it.
  'node/offline/': [
    'node/cluster/',
    'node/core/',
    'node/erasure/',
    'node/format/',
    'node/io/',
    'node/s3/body/multipart-digest.ts',
    'node/storage/',
  ],
  'test/': [''],
  'scripts/': [],
  'examples/': [''],
};

/** Code that runs under simulation, or whose results must depend on nothing but its input. */
const SIMULATED = ['node/core/', 'node/format/', 'node/erasure/', 'node/storage/', 'node/cluster/'];
/** Real adapters that lie beside their port. */
const ADAPTERS = [
  'node/storage/index-disk.ts',
  'node/storage/index-disk-worker.ts',
  'node/storage/index-file.ts',
  'node/storage/index-transactions.ts',
  'node/storage/index-tree.ts',
  'node/storage/drive-lock.ts',
];
/** The only files that may look at the environment: each program's one entry. */
const ENVIRONMENT_READERS = [
  'node/main.ts',
  'cli/main.ts',
  'stacks/swarm/main.ts',
  'node/health-main.ts',
  'test/',
  'scripts/',
];
/** Programs: importing them runs them, so nothing imports them. */
const PROGRAMS = [
  'node/main.ts',
  'node/health-main.ts',
  'cli/main.ts',
  'stacks/local/balancer-main.ts',
  'stacks/swarm/main.ts',
  'stacks/kubernetes/main.js',
  'stacks/testbed/kubernetes/relay-main.ts',
  'node/storage/index-disk-worker.ts',
  'spec/write-schema.ts',
  'test/',
  'scripts/',
  'examples/',
];

const REAL_GLOBALS = new Set([
  'setTimeout',
  'setInterval',
  'setImmediate',
  'fetch',
  'process',
  'performance',
  'crypto',
]);
const GARBAGE_DEPENDENT = new Set(['WeakRef', 'FinalizationRegistry']);
const REAL_MEMBERS = new Set(['Date.now', 'Math.random', 'AbortSignal.timeout']);
const PURE_BUILTINS = new Set(['node:buffer', 'node:zlib', 'node:crypto', 'node:util', 'node:events', 'node:assert']);
/** Of node:crypto only what computes; what draws comes through the Random port. */
const PURE_CRYPTO = new Set(['createHash', 'createHmac', 'timingSafeEqual', 'hash', 'Hash', 'Hmac']);

/** They name what they forbid. */
const THESE_RULES = ['test/support/source-rules.ts', 'test/unit/architecture.test.ts'];

const LINES_MAX = 450;
const VAGUE_FOLDERS = new Set(['util', 'utils', 'helpers', 'helper', 'common', 'misc']);
const TEST_ROOTS = new Set(['it', 'test', 'describe', 'suite']);

export function problemsOf(file: SourceFile): string[] {
  const { path, text } = file;
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const problems: string[] = [];
  const report = (node: ts.Node | null, rule: string) => {
    const line = node === null ? 1 : source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    problems.push(`${path}:${line}: ${rule}`);
  };
  checkShape(file, report);
  checkTopLevel(source, path, report);
  const own = namesDeclaredIn(source);
  const visit = (node: ts.Node) => {
    const imported = importedModule(node);
    if (imported !== null) checkImport(path, imported, node, report);
    if (isIn(path, SIMULATED) && !ADAPTERS.includes(path)) checkSimulated(node, own, report);
    if (!isIn(path, ENVIRONMENT_READERS) && textOfMember(node) === 'process.env') {
      report(node, `only ${ENVIRONMENT_READERS.slice(0, 2).join(' and ')} read the environment; have it handed in`);
    }
    if (node.kind === ts.SyntaxKind.AnyKeyword && !isExcused(source, node)) {
      report(node, '"any" switches the type checker off; use unknown, or excuse it with a biome-ignore and a reason');
    }
    if (isNarrowedTest(node)) report(node, 'a test is narrowed or skipped; every test runs, always');
    ts.forEachChild(node, visit);
  };
  ts.forEachChild(source, visit);
  return problems;
}

type Report = (node: ts.Node | null, rule: string) => void;

function checkShape({ path, text }: SourceFile, report: Report): void {
  const lines = text.split('\n').length - 1;
  if (lines > LINES_MAX)
    report(null, `${lines} lines; a file has at most ${LINES_MAX}, and better 300: split it by what it does`);
  const vague = dirname(path)
    .split('/')
    .find((part) => VAGUE_FOLDERS.has(part));
  if (vague !== undefined) report(null, `a folder named "${vague}" says nothing; name it by what is in it`);
  if (/\b(TODO|FIXME|XXX)\b/.test(text) && !THESE_RULES.includes(path))
    report(null, 'unfinished work is finished, or an issue, not a comment');
  const isOneLiner = !text.startsWith('//') && !text.startsWith('#!') && !text.startsWith('/*');
  if (isOneLiner && !path.endsWith('.test.ts')) report(null, 'the first lines say what the file owns and promises');
}

/** Importing a module runs nothing and leaves nothing that changes. */
function checkTopLevel(source: ts.SourceFile, path: string, report: Report): void {
  if (isIn(path, PROGRAMS)) return;
  for (const statement of source.statements) {
    if (ts.isImportDeclaration(statement) && statement.importClause === undefined) {
      report(statement, 'an import for its side effects');
    } else if (ts.isVariableStatement(statement) && (statement.declarationList.flags & ts.NodeFlags.Const) === 0) {
      report(statement, 'global state: a variable of the module that can change');
    } else if (!isDeclaration(statement)) {
      report(statement, 'a statement that runs when the module is imported');
    }
  }
}

function isDeclaration(statement: ts.Statement): boolean {
  return (
    ts.isImportDeclaration(statement) ||
    ts.isExportDeclaration(statement) ||
    ts.isVariableStatement(statement) ||
    ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement) ||
    ts.isModuleDeclaration(statement)
  );
}

function checkImport(path: string, module: string, node: ts.Node, report: Report): void {
  if (!module.startsWith('.')) return;
  const target = join(dirname(path), module);
  if (PROGRAMS.includes(target)) report(node, `${target} is a program; what others need of it belongs in a module`);
  const own = layerOf(path);
  if (own === null) {
    report(node, 'this place is not in the import table (test/support/source-rules.ts); add it there with its reason');
    return;
  }
  const allowed = IMPORT_TABLE[own]!;
  const isOwn = own.endsWith('/') && target.startsWith(own) && layerOf(target) === own;
  if (isOwn || allowed.some((start) => target.startsWith(start))) return;
  const list = allowed.length === 0 ? 'nothing else of ours' : allowed.join(', ');
  report(node, `${own} may import ${list}; not ${target}`);
}

/** The longest beginning in the table. */
export function layerOf(path: string): string | null {
  const fitting = Object.keys(IMPORT_TABLE).filter((start) => path.startsWith(start));
  return fitting.sort((a, b) => b.length - a.length)[0] ?? null;
}

function checkSimulated(node: ts.Node, own: ReadonlySet<string>, report: Report): void {
  const because = 'take it from a port of node/io, so that a simulation can own it';
  const module = importedModule(node);
  if (module?.startsWith('node:') && !PURE_BUILTINS.has(module))
    report(node, `${module} reaches the real world; ${because}`);
  if (module === 'node:crypto' && ts.isImportDeclaration(node)) {
    for (const name of namedImports(node))
      if (!PURE_CRYPTO.has(name)) report(node, `${name} is not repeatable; ${because}`);
  }
  if (ts.isIdentifier(node) && isFreeName(node) && !own.has(node.text)) {
    if (REAL_GLOBALS.has(node.text)) report(node, `${node.text} reaches the real world; ${because}`);
    if (GARBAGE_DEPENDENT.has(node.text)) report(node, `${node.text} depends on when garbage is collected`);
  }
  const member = textOfMember(node);
  if (member !== null && REAL_MEMBERS.has(member)) report(node, `${member} reaches the real world; ${because}`);
  if (ts.isNewExpression(node) && node.expression.getText() === 'Date' && (node.arguments?.length ?? 0) === 0) {
    report(node, `new Date() reaches the real world; ${because}`);
  }
}

function importedModule(node: ts.Node): string | null {
  if ((ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) && node.moduleSpecifier !== undefined) {
    return ts.isStringLiteral(node.moduleSpecifier) ? node.moduleSpecifier.text : null;
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [argument] = node.arguments;
    return argument !== undefined && ts.isStringLiteral(argument) ? argument.text : null;
  }
  return null;
}

function namedImports({ importClause }: ts.ImportDeclaration): string[] {
  const bindings = importClause?.namedBindings;
  if (bindings === undefined) return ['all of it'];
  if (ts.isNamespaceImport(bindings)) return ['all of it'];
  return bindings.elements.map(({ name, propertyName }) => (propertyName ?? name).text);
}

/** Parameters and variables may be called like a global: then they hide it. */
function namesDeclaredIn(source: ts.SourceFile): Set<string> {
  const names = new Set<string>();
  const visit = (node: ts.Node) => {
    const declares = ts.isParameter(node) || ts.isVariableDeclaration(node) || ts.isBindingElement(node);
    if (declares && ts.isIdentifier(node.name)) names.add(node.name.text);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return names;
}

/** Used as a value of its own: not a property's name, not declared here, not part of a type. */
function isFreeName(node: ts.Identifier): boolean {
  const { parent } = node;
  if (ts.isPropertyAccessExpression(parent)) return parent.expression === node;
  if (ts.isCallExpression(parent) || ts.isNewExpression(parent)) return true;
  if (ts.isVariableDeclaration(parent) || ts.isPropertyAssignment(parent)) return parent.initializer === node;
  return (
    ts.isElementAccessExpression(parent) || ts.isTypeOfExpression(parent) || ts.isShorthandPropertyAssignment(parent)
  );
}

function textOfMember(node: ts.Node): string | null {
  if (!ts.isPropertyAccessExpression(node) || !ts.isIdentifier(node.expression)) return null;
  return `${node.expression.text}.${node.name.text}`;
}

function isNarrowedTest(node: ts.Node): boolean {
  const member = textOfMember(node);
  if (member === null) return false;
  const [root, modifier] = member.split('.') as [string, string];
  return TEST_ROOTS.has(root) && ['only', 'skip', 'todo', 'fails'].includes(modifier);
}

/** A biome-ignore with its reason on the line above. */
function isExcused(source: ts.SourceFile, node: ts.Node): boolean {
  const { line } = source.getLineAndCharacterOfPosition(node.getStart());
  const above = source.text.split('\n')[line - 1] ?? '';
  return /biome-ignore lint\/suspicious\/noExplicitAny: \S+ \S+/.test(above);
}

function isIn(path: string, starts: readonly string[]): boolean {
  return starts.some((start) => path.startsWith(start));
}
