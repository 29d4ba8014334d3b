// The package as it is published: packed, installed from the tarball into an empty project, and used from there: by the
// example test in JavaScript, by a TypeScript program through the declarations, and as the command `ashlar`.
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const repository = join(import.meta.dirname, '..', '..');
const TIMEOUT_MS = 240_000;
const run = promisify(execFile);

let project: string;

beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), 'ashlar-package-'));
  cpSync(join(repository, 'examples', 'github-workflow'), project, { recursive: true });
  const npm = (args: readonly string[], cwd: string) => run('npm', [...args, '--no-audit', '--no-fund'], { cwd });
  await npm(['pack', '--pack-destination', project], repository);
  const tarball = readdirSync(project).find((name) => name.endsWith('.tgz'));
  writeFileSync(join(project, 'package.json'), JSON.stringify({ name: 'user', private: true, type: 'module' }));
  await npm(['install', `./${tarball}`], project);
  // What the user would install beside it is the same as ours; only ashlar itself must come out of the tarball.
  for (const scope of ['@aws-sdk', '@smithy', '@aws', '@aws-crypto', '@types']) {
    const from = join(repository, 'node_modules', scope);
    try {
      readdirSync(from);
    } catch {
      continue;
    }
    symlinkSync(from, join(project, 'node_modules', scope));
  }
}, TIMEOUT_MS);

afterAll(() => rmSync(project, { recursive: true, force: true }));

test(
  'the example test of examples/github-workflow passes in JavaScript',
  async () => {
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap'], { cwd: project });
    expect(stdout).toContain('ok 1 - what was stored is still there when a zone is lost, and more can be stored');
    expect(stdout).toMatch(/^# pass 1$/m);
  },
  TIMEOUT_MS,
);

const PROGRAM = `
import { type ClusterSpec, createTestCluster, makePlan, parseClusterSpec, type Plan } from 'ashlar';

const parsed = parseClusterSpec('zones: {a: 1, b: 1, c: 1, d: 1}\\ndrives: 2\\nerasure: 4+2\\n', 'mine');
if (!parsed.ok) throw new Error(parsed.problems.map((problem) => problem.message).join());
const spec: ClusterSpec = parsed.spec;
const plan: Plan = makePlan(spec);
const isSafe: boolean = plan.verdict.safe;
await using cluster = await createTestCluster({ zones: 3, drives: 1, erasure: '2+1' });
const endpoint: string = cluster.endpoint;
// @ts-expect-error: a wrong option is found before anything runs.
const wrong: Parameters<typeof createTestCluster>[0] = { zone: 3 };
console.log(JSON.stringify({ wrong, isSafe, isUrl: endpoint.startsWith('http://127.0.0.1:') }));
`;

test(
  'a TypeScript program compiles against the declarations, and runs',
  async () => {
    writeFileSync(join(project, 'program.ts'), PROGRAM);
    const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'esnext', '--types', 'node'];
    const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc');
    await run(process.execPath, [tsc, ...options, 'program.ts'], { cwd: project }).catch((error) => {
      throw new Error(error.stdout);
    });
    const { stdout } = await run(process.execPath, ['program.ts'], { cwd: project });
    expect(JSON.parse(stdout)).toEqual({ wrong: { zone: 3 }, isSafe: true, isUrl: true });
  },
  TIMEOUT_MS,
);

test(
  'the command prints a plan, and its exit code says whether it is safe',
  async () => {
    const ashlar = join(project, 'node_modules', '.bin', 'ashlar');
    const { stdout } = await run(ashlar, ['plan', '--json'], { cwd: project, env: withOwnNode() });
    expect(JSON.parse(stdout).verdict).toMatchObject({ safe: true, reasons: [] });
    writeFileSync(
      join(project, 'cluster.yaml'),
      'name: thin\nerasure: 4+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n',
    );
    await expect(run(ashlar, ['plan'], { cwd: project, env: withOwnNode() })).rejects.toMatchObject({ code: 2 });
  },
  TIMEOUT_MS,
);

/** The command's first line asks for "node": the one that runs this test. */
function withOwnNode(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${join(process.execPath, '..')}:${process.env.PATH}` };
}
