// The examples of docs/host-tuning.md, "In your own stack", run as they stand there: as the programs of somebody who installed the package.
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeHost } from '../../../host-tuning/describe-host.ts';
import { renderHost } from '../../../host-tuning/render-host.ts';
import { readHostScripts } from '../../../host-tuning/scripts.ts';
import type { Registered } from '../../support/pulumi-collector.ts';
import { specOf } from './specs.ts';

const SPEC_FILE = 'examples/bare-metal.yaml';
const spec = specOf(readFileSync(SPEC_FILE, 'utf8'));
const scripts = readHostScripts();
const NAMES = ['a1', 'a2', 'b1', 'b2', 'c1', 'c2'];
const userDataOf = (name: string) => renderHost(describeHost(spec, name), scripts).get('user-data')!;

const [cdktfExample, pulumiExample] = examples();
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-own-stack-'));
  copyFileSync(SPEC_FILE, join(directory, 'cluster.yaml'));
  writeFileSync(join(directory, 'package.json'), '{"type": "module"}');
  for (const name of ['cdktf', 'constructs', '@cdktf/provider-docker', '@pulumi/pulumi', '@pulumi/kubernetes']) {
    const link = join(directory, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(resolve('node_modules', name), link);
  }
  installSources();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

test('the example for cdktf gives every machine its data, and lets no machine be replaced for them', () => {
  writeFileSync(join(directory, 'app.ts'), cdktfExample!);
  run('app.ts');
  const synthesized = JSON.parse(readFileSync(join(directory, 'cdktf.out/stacks/machines/cdk.tf.json'), 'utf8'));
  expect(Object.keys(synthesized.output)).toEqual(NAMES.map((name) => `archive-host-${name}`));
  expect(Object.keys(synthesized.resource)).toEqual(['terraform_data']);
  const machines: Record<string, { input: Record<string, string>; lifecycle: unknown }> =
    synthesized.resource.terraform_data;
  expect(Object.keys(machines)).toEqual(NAMES);
  for (const [name, { input, lifecycle }] of Object.entries(machines)) {
    expect(input.user_data!.replace(/([$%])\1(?=\{)/g, '$1')).toBe(userDataOf(name));
    expect(lifecycle).toEqual({ ignore_changes: ['input'] });
  }
});

test('the example for Pulumi gives every machine its data as gzip in base64', () => {
  writeFileSync(join(directory, 'index.ts'), pulumiExample!);
  const collector = pathToFileURL(resolve('test/support/pulumi-collector.ts')).href;
  writeFileSync(
    join(directory, 'collect.ts'),
    `import { collect } from '${collector}';
const { resources } = await collect(() => import('./index.ts'));
process.stdout.write(JSON.stringify(resources));
`,
  );
  const resources: Registered[] = JSON.parse(run('collect.ts'));
  expect(resources.map(({ type, name }) => `${type} ${name}`)).toEqual(
    NAMES.map((name) => `rack:index:Machine ${name}`),
  );
  for (const { name, inputs } of resources) {
    expect(gunzipSync(Buffer.from(String(inputs.userData), 'base64')).toString()).toBe(userDataOf(name));
  }
});

function examples(): string[] {
  const [, section] = readFileSync('docs/host-tuning.md', 'utf8').split('## In your own stack\n');
  return [...section!.split('\n## ')[0]!.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
}

/** The package as it would be installed, but with its sources, which need no build. */
function installSources(): void {
  const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as { exports: Record<string, unknown> };
  const home = join(directory, 'node_modules', 'ashlar');
  mkdirSync(home);
  const own: Record<string, string> = {};
  for (const [path, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue;
    const built = (target as { readonly default: string }).default;
    const source = pathToFileURL(resolve(built.replace('./dist/', '').replace(/\.js$/, '.ts'))).href;
    own[path] = `./${built.replaceAll('/', '-').slice(2)}`;
    writeFileSync(join(home, own[path]), `export * from '${source}';\n`);
  }
  writeFileSync(join(home, 'package.json'), JSON.stringify({ name: 'ashlar', type: 'module', exports: own }));
}

function run(program: string): string {
  return execFileSync(process.execPath, [program], { cwd: directory, encoding: 'utf8' });
}
