import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { IMPORT_TABLE, problemsOf } from '../support/source-rules.ts';

const root = join(import.meta.dirname, '..', '..');

function sourcePaths(): string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], { cwd: root });
  return listed
    .toString()
    .split('\n')
    .filter((path) => path !== '' && path !== 'vitest.config.ts');
}

describe('the architecture', () => {
  it('is kept by every source file: imports by the table, ports instead of the real world, and the habits of style', () => {
    const paths = sourcePaths();
    expect(paths.length).toBeGreaterThan(100);
    const problems = paths.flatMap((path) => problemsOf({ path, text: readFileSync(join(root, path), 'utf8') }));
    expect(problems).toEqual([]);
  });

  it('keeps node/ to itself', () => {
    const layers = Object.entries(IMPORT_TABLE).filter(([layer]) => layer.startsWith('node/'));
    for (const [, allowed] of layers) for (const start of allowed) expect(start.startsWith('node/')).toBe(true);
  });
});

describe('the rules find', () => {
  const header = '// A file.\n';
  const cases: readonly (readonly [what: string, path: string, text: string, problem: string])[] = [
    ['node/ importing something outside', 'node/core/x.ts', "import { a } from '../../plan/a.ts';", 'not plan/a.ts'],
    ['a lower layer importing a higher one', 'node/storage/x.ts', "import { a } from '../cluster/a.ts';", 'may import'],
    ['the same through a type', 'node/core/x.ts', "import type { A } from '../io/clock.ts';", 'not node/io/clock.ts'],
    [
      'the same through a dynamic import',
      'node/io/x.ts',
      "export const f = () => import('../s3/a.ts');",
      'not node/s3',
    ],
    ['the same through an export', 'spec/x.ts', "export * from '../plan/a.ts';", 'not plan/a.ts'],
    ['the spec reaching into the plan', 'spec/x.ts', "import { a } from '../plan/a.ts';", 'nothing else of ours'],
    [
      'a place that the table does not know',
      'elsewhere/x.ts',
      "import { a } from './a.ts';",
      'not in the import table',
    ],
    ['an import of a program', 'stacks/local/x.ts', "import { a } from '../../node/main.ts';", 'is a program'],
    ['the real clock', 'node/cluster/x.ts', 'export const f = () => Date.now();', 'Date.now reaches'],
    ['the real clock through new Date()', 'node/core/x.ts', 'export const f = () => new Date();', 'new Date()'],
    ['performance', 'node/core/x.ts', 'export const f = () => performance.now();', 'performance reaches'],
    ['a real timer', 'node/cluster/x.ts', 'export const f = () => setTimeout(f, 1);', 'setTimeout reaches'],
    ['a real timer passed on', 'node/cluster/x.ts', 'export const t = setTimeout;', 'setTimeout reaches'],
    ['a hidden timer', 'node/cluster/x.ts', 'export const f = () => AbortSignal.timeout(1);', 'AbortSignal.timeout'],
    [
      'real randomness',
      'node/storage/x.ts',
      "import { randomBytes } from 'node:crypto';",
      'randomBytes is not repeatable',
    ],
    ['Math.random', 'node/core/x.ts', 'export const f = () => Math.random();', 'Math.random reaches'],
    ['real files', 'node/storage/x.ts', "import { open } from 'node:fs/promises';", 'node:fs/promises reaches'],
    ['the process', 'node/cluster/x.ts', 'export const f = () => process.nextTick(f);', 'process reaches'],
    ['the environment', 'node/s3/x.ts', 'export const f = () => process.env.HOME;', 'read the environment'],
    ['any', 'plan/x.ts', 'export const f = (x: any) => x;', '"any"'],
    ['a narrowed test', 'test/unit/x.test.ts', "it.only('a', () => {});", 'narrowed or skipped'],
    ['a skipped group', 'test/unit/x.test.ts', "describe.skip('a', () => {});", 'narrowed or skipped'],
    ['a statement that runs on import', 'plan/x.ts', 'console.log(1);', 'runs when the module is imported'],
    ['an import for its side effects', 'plan/x.ts', "import 'node:fs';", 'for its side effects'],
    ['global state', 'plan/x.ts', 'export let count = 0;', 'global state'],
    ['a vague folder', 'node/s3/utils/x.ts', 'export const a = 1;', 'a folder named "utils"'],
    ['a long file', 'plan/x.ts', 'export const a = 1;\n'.repeat(451), 'at most 450'],
    ['unfinished work', 'plan/x.ts', '// TODO: later', 'unfinished work'],
  ];
  for (const [what, path, text, problem] of cases) {
    it(what, () => {
      const problems = problemsOf({ path, text: `${header}${text}\n` });
      expect(problems).toHaveLength(1);
      expect(problems[0]).toContain(problem);
      expect(problems[0]!.startsWith(`${path}:`)).toBe(true);
    });
  }

  it('a missing header', () => {
    expect(problemsOf({ path: 'plan/x.ts', text: 'export const a = 1;\n' })).toEqual([
      'plan/x.ts:1: the first lines say what the file owns and promises',
    ]);
  });

  it('nothing in a file that keeps them', () => {
    const text = [
      '// Owns an example.',
      "import { createHash } from 'node:crypto';",
      "import type { Clock } from '../io/clock.ts';",
      '// biome-ignore lint/suspicious/noExplicitAny: generic over every type',
      'type Anything = any;',
      'interface Times { process: number; setTimeout(ms: number): void }',
      'export const at = (ms: number) => new Date(ms);',
      'export const f = (x: Times, clock: Clock, y: Anything) => [x.process, x.setTimeout(1), clock.wallMs(), y, createHash];',
      '',
    ].join('\n');
    expect(problemsOf({ path: 'node/cluster/x.ts', text })).toEqual([]);
  });
});
