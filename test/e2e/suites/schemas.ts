// What is rendered for Kubernetes against the published schemas of its versions, by a program that we did not write: every golden
// cluster, and every example through the command line. A manifest for which there is no schema is not passed over in silence.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { packageRoot } from '../../../stacks/local/program-files.ts';
import { run } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';

const VALIDATOR_VERSION = '1.37.0';
const KUBERNETES_VERSIONS = ['1.28', '1.29', '1.30', '1.31', '1.32', '1.33', '1.34', '1.35', '1.36', '1.37'];
/** Kinds that others define: their schemas are not among those of Kubernetes. */
const FOREIGN_GROUPS = ['cert-manager.io', 'gateway.networking.k8s.io', 'monitoring.coreos.com'];
/** The nodes of its zone c differ, and pods of a zone are alike. */
const NOT_FOR_KUBERNETES = ['bare-metal.yaml'];
const SETTINGS = `image: registry.example.com/ashlar@sha256:${'0'.repeat(64)}
secrets: {kind: external, name: vault}
volumes: {kind: class, size: 1TiB}
`;

interface Manifests {
  readonly files: readonly string[];
  readonly count: number;
}

interface Judgement {
  readonly fitting: number;
  /** Kinds that have no schema, once for each manifest. */
  readonly foreign: readonly string[];
  /** A line each, as the program says it. */
  readonly refused: readonly string[];
}

let preparing: Promise<string> | null = null;

export const schemas: Suite = {
  name: 'schemas',
  summary: 'the published schemas of Kubernetes 1.28 to 1.37 allow every manifest, and no broken one',
  packages: [
    { name: 'python3', program: 'python3' },
    { name: 'python3-venv', program: 'python3' },
  ],
  obstacle: () =>
    prepareValidator().then(
      () => null,
      (error: Error) => `installing kubernetes-validate from PyPI failed: ${error.message.trim().split('\n').at(-1)}`,
    ),
  prepare: async () => {
    await prepareValidator();
  },
  async run(context) {
    const validator = await prepareValidator();
    const golden = readManifests(yamlFilesIn(join(packageRoot(), 'test/golden/kubernetes')));
    const examples = readManifests(await renderExamples(context));
    const broken = breakManifests(golden.files[0]!, context.directory);
    const all = { files: [...golden.files, ...examples.files], count: golden.count + examples.count };
    const versions = context.ci ? [KUBERNETES_VERSIONS[0]!, KUBERNETES_VERSIONS.at(-1)!] : KUBERNETES_VERSIONS;
    let foreign: readonly string[] = [];
    for (const version of versions) {
      for (const file of broken) await mustRefuse(validator, version, file);
      const judgement = await judge(validator, version, all.files);
      assert.deepEqual(judgement.refused, [], `Kubernetes ${version}`);
      assert.equal(judgement.fitting + judgement.foreign.length, all.count, 'manifests that were judged');
      foreign = judgement.foreign;
    }
    const fitting = all.count - foreign.length;
    context.say(`${fitting} manifests fit Kubernetes ${versions.join(', ')}: ${versions.length * fitting} validations`);
    context.say(`${broken.length} broken ones are refused by each version`);
    context.say(`not validated, because Kubernetes has no schema for them: ${countedKinds(foreign)}`);
  },
};

/** Once for all who ask: the program in an environment of its own, in the user's cache. Resolves with its path. */
function prepareValidator(): Promise<string> {
  preparing ??= installValidator();
  return preparing;
}

async function installValidator(): Promise<string> {
  const environment = join(homedir(), '.cache', 'ashlar', `kubernetes-validate-${VALIDATOR_VERSION}`);
  const validator = join(environment, 'bin', 'kubernetes-validate');
  if (await isComplete(validator)) return validator;
  await run('python3', ['-m', 'venv', '--clear', environment]);
  const requirement = `kubernetes-validate==${VALIDATOR_VERSION}`;
  const pip = ['install', '--quiet', '--disable-pip-version-check', '--no-input', requirement];
  await run(join(environment, 'bin', 'pip'), pip);
  assert(await isComplete(validator), `${validator} does not run`);
  return validator;
}

/** An installation that was cut short is made anew. */
async function isComplete(validator: string): Promise<boolean> {
  if (!existsSync(validator)) return false;
  const { exitCode, stdout } = await run(validator, ['--version'], { mustSucceed: false });
  return exitCode === 0 && stdout.includes(VALIDATOR_VERSION);
}

function yamlFilesIn(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(directory, name));
}

function readManifests(files: readonly string[]): Manifests {
  const counts = files.map((file) => parseAllDocuments(readFileSync(file, 'utf8')).length);
  return { files, count: counts.reduce((sum, count) => sum + count, 0) };
}

/** By the command line, as a user would. The examples that no Kubernetes can run must be refused. */
async function renderExamples({ directory, say }: SuiteContext): Promise<string[]> {
  const settings = join(directory, 'kubernetes.yaml');
  writeFileSync(settings, SETTINGS);
  const rendered: string[] = [];
  for (const spec of yamlFilesIn(join(packageRoot(), 'examples'))) {
    const name = basename(spec);
    const out = join(directory, name.replace('.yaml', ''));
    const command = ['render', 'kubernetes', '-f', spec, '--settings', settings, '--out', out];
    const { exitCode, stderr } = await run(process.execPath, [join(packageRoot(), 'cli/main.ts'), ...command], {
      mustSucceed: false,
    });
    if (NOT_FOR_KUBERNETES.includes(name)) {
      assert.match(stderr, /cannot run on Kubernetes like this/, name);
      say(`examples/${name} is not for Kubernetes, and the command line says so`);
      continue;
    }
    assert.equal(exitCode, 0, `examples/${name}: ${stderr}`);
    // What names the others is kustomize's own.
    rendered.push(...yamlFilesIn(out).filter((file) => basename(file) !== 'kustomization.yaml'));
  }
  return rendered;
}

/** One cluster with a value of another type, with a field that there is not, and with a version of an API that there is not. */
function breakManifests(file: string, directory: string): string[] {
  const text = readFileSync(file, 'utf8');
  const breaks = [
    ['type', /replicas: \d+/, 'replicas: "one"'],
    ['field', /replicas: \d+/, '$&\n  replica: 1'],
    ['version', /apiVersion: apps\/v1/, 'apiVersion: apps/v1beta9'],
  ] as const;
  return breaks.map(([what, from, to]) => {
    const broken = join(directory, `broken-${what}.yaml`);
    assert.match(text, from, `${file} has nothing to break`);
    writeFileSync(broken, text.replace(from, to));
    return broken;
  });
}

async function mustRefuse(validator: string, version: string, file: string): Promise<void> {
  const { refused } = await judge(validator, version, [file]);
  assert.equal(refused.length, 1, `${basename(file)} under Kubernetes ${version}: ${refused.join('\n')}`);
}

/** The program says a line for each manifest, and only warns of one for which it has no schema. */
async function judge(validator: string, version: string, files: readonly string[]): Promise<Judgement> {
  const { stdout, stderr } = await run(validator, ['--strict', '-k', version, ...files], { mustSucceed: false });
  const fits = new RegExp(`^INFO .* passed for resource .* against version ${version.replace('.', '\\.')}$`);
  const noSchema = /^WARN .* Couldn't find schema for kind (\S+) with api version ([^/\s]+)\/\S+ for/;
  let fitting = 0;
  const foreign: string[] = [];
  const refused: string[] = [];
  for (const line of `${stdout}${stderr}`.trim().split('\n')) {
    const [, kind, group] = noSchema.exec(line) ?? [];
    if (fits.test(line)) fitting++;
    else if (kind !== undefined && FOREIGN_GROUPS.includes(group!)) foreign.push(kind);
    else refused.push(line);
  }
  return { fitting, foreign, refused };
}

/** "2 × Certificate, 1 × HTTPRoute". */
function countedKinds(kinds: readonly string[]): string {
  const groups = [...Map.groupBy(kinds, (kind) => kind)].sort(([a], [b]) => (a < b ? -1 : 1));
  return groups.map(([kind, { length }]) => `${length} × ${kind}`).join(', ');
}
