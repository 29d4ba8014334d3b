// The image of the storage node, as far as it can be known without building one: what goes into it, what it says of itself, and
// that its Dockerfile says the same as the code.
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { RUNTIME_ENVIRONMENT, RUNTIME_FLAGS } from '../../node/runtime-settings.ts';
import {
  digestOfDirectory,
  factsOfLabels,
  type ImageFacts,
  imageLabels,
  isSignedBy,
  signFacts,
} from '../../stacks/image/contents.ts';
import { layOutContext } from '../../stacks/image/context.ts';
import { importedPackages, lockedPackages } from '../../stacks/image/node-packages.ts';
import { isRunTimeFile } from '../../stacks/image/run-time-files.ts';

const repository = join(import.meta.dirname, '..', '..');
const readJson = (path: string) => JSON.parse(readFileSync(join(repository, path), 'utf8'));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-image-test-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

describe('the packages of the node are', () => {
  const PROJECT = { name: 'ashlar-node', version: '1.2.3' };
  const LOCKFILE = {
    lockfileVersion: 3,
    packages: {
      '': { name: 'all', dependencies: { a: '^1.0.0', cli: '1' } },
      'node_modules/a': {
        version: '1.5.0',
        dependencies: { shared: '^2', deep: '1' },
        optionalDependencies: { gone: '1' },
      },
      'node_modules/a/node_modules/shared': { version: '2.0.0', peerDependencies: { b: '1' } },
      'node_modules/shared': { version: '1.0.0' },
      'node_modules/b': {
        version: '1.0.0',
        peerDependencies: { cli: '*' },
        peerDependenciesMeta: { cli: { optional: true } },
      },
      'node_modules/deep': { version: '1.0.0', dependencies: { shared: '^1' } },
      'node_modules/cli': { version: '1.0.0' },
    },
  };

  test('those that its code imports, in whatever form', () => {
    const source = [
      "import Fastify, { type X } from 'fastify';",
      "import {\n  a,\n  b,\n} from '@scope/name/part';",
      "export * from 'zod';",
      "import 'effect';",
      "const late = await import('pino/file');",
      "import { readFileSync } from 'node:fs';",
      "import { x } from './x.js';",
      "// it came from 'nowhere'",
    ].join('\n');
    expect(importedPackages([source])).toEqual(['@scope/name', 'effect', 'fastify', 'pino', 'zod']);
  });

  test('these and all that they need, each found where Node would find it, and nothing else', () => {
    const { dependencies, lockfile } = lockedPackages(LOCKFILE, ['a'], PROJECT);
    expect(dependencies).toEqual({ a: '1.5.0' });
    const { packages } = lockfile as { packages: Record<string, unknown> };
    expect(Object.keys(packages).sort()).toEqual([
      '',
      'node_modules/a',
      'node_modules/a/node_modules/shared',
      'node_modules/b',
      'node_modules/deep',
      'node_modules/shared',
    ]);
    expect(packages['']).toEqual({ ...PROJECT, dependencies: { a: '1.5.0' } });
    expect(packages['node_modules/shared']).toEqual({ version: '1.0.0' });
  });

  test('refused when the lockfile lacks one', () => {
    expect(() => lockedPackages(LOCKFILE, ['absent'], PROJECT)).toThrow('no absent, which the node imports');
    expect(() => lockedPackages({ lockfileVersion: 1 }, ['a'], PROJECT)).toThrow('version 3');
  });

  test('in this repository neither those of the command line nor those of development', () => {
    const { lockfile } = lockedPackages(readJson('package-lock.json'), ['zod', 'fastify'], PROJECT);
    const names = Object.keys((lockfile as { packages: object }).packages);
    expect(names).toContain('node_modules/zod');
    expect(names).toContain('node_modules/avvio');
    for (const name of ['commander', 'vitest', 'cdktf', 'typescript', 'node'])
      expect(names).not.toContain(`node_modules/${name}`);
  });
});

describe('of an installed package the image keeps', () => {
  const cases: readonly (readonly [path: string, isKept: boolean])[] = [
    ['zod/index.cjs', true],
    ['zod/package.json', true],
    ['zod/LICENSE', true],
    ['fastify/LICENSE.md', true],
    ['zod/index.d.cts', false],
    ['zod/src/index.js', false],
    ['pino/README.md', false],
    ['pino/docs/api.js', false],
    ['fastify/test/close.test.js', false],
    ['.package-lock.json', false],
  ];
  for (const [path, isKept] of cases)
    test(`${isKept ? '' : 'not '}${path}`, () => expect(isRunTimeFile(path)).toBe(isKept));
});

describe('what an image says of itself', () => {
  const FACTS: ImageFacts = { version: '1.2.3', revision: 'abc', contentDigest: 'sha256:00' };
  const pair = () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    return {
      privatePem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
      publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    };
  };

  test('is read back from its labels', () => {
    expect(factsOfLabels(imageLabels(FACTS, '2026-01-01T00:00:00.000Z', 'c2ln'))).toEqual({
      ...FACTS,
      signature: 'c2ln',
    });
    expect(factsOfLabels(imageLabels(FACTS, null, null))).toEqual({ ...FACTS, signature: null });
    expect(factsOfLabels({ 'org.opencontainers.image.version': '1' })).toBeNull();
    expect(factsOfLabels(null)).toBeNull();
  });

  test('is signed for exactly this version, revision and digest, by exactly this key', () => {
    const { privatePem, publicPem } = pair();
    const signature = signFacts(FACTS, privatePem);
    expect(isSignedBy(FACTS, signature, publicPem)).toBe(true);
    for (const changed of [{ version: '1.2.4' }, { revision: 'abd' }, { contentDigest: 'sha256:01' }])
      expect(isSignedBy({ ...FACTS, ...changed }, signature, publicPem)).toBe(false);
    // What is moved from one line into the next is another text.
    expect(isSignedBy({ ...FACTS, version: '1.2.3\nabc', revision: '' }, signature, publicPem)).toBe(false);
    expect(isSignedBy(FACTS, signature, pair().publicPem)).toBe(false);
  });

  test('is not signed with a key that is none, or of another kind', () => {
    expect(() => signFacts(FACTS, 'no key')).toThrow('openssl genpkey');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(() => signFacts(FACTS, pem)).toThrow('not Ed25519');
  });

  test('has a digest of paths and bytes, whatever the modes are', () => {
    mkdirSync(join(directory, 'one', 'x'), { recursive: true });
    writeFileSync(join(directory, 'one', 'a'), 'first');
    writeFileSync(join(directory, 'one', 'x', 'b'), 'second');
    cpSync(join(directory, 'one'), join(directory, 'two'), { recursive: true });
    chmodSync(join(directory, 'two', 'a'), 0o700);
    const digest = digestOfDirectory(join(directory, 'one'));
    expect(digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(digestOfDirectory(join(directory, 'two'))).toBe(digest);
    writeFileSync(join(directory, 'two', 'x', 'b'), 'Second');
    expect(digestOfDirectory(join(directory, 'two'))).not.toBe(digest);
    rmSync(join(directory, 'two', 'x', 'b'));
    writeFileSync(join(directory, 'two', 'b'), 'second');
    expect(digestOfDirectory(join(directory, 'two'))).not.toBe(digest);
  });
});

test('an image is not built from what is no checkout, and it says what to do', async () => {
  const context = layOutContext({ repository: directory, directory: join(directory, 'out'), architecture: 'x64' });
  await expect(context).rejects.toThrow(/no package-lock.json, scripts\/tsconfig.image.json, .*clone it/);
});

describe('the Dockerfile', () => {
  const dockerfile = readFileSync(join(repository, 'node', 'image', 'Dockerfile'), 'utf8');

  test('runs the node with the settings that the local target gives it', () => {
    for (const [name, value] of Object.entries(RUNTIME_ENVIRONMENT)) expect(dockerfile).toContain(`${name}=${value}`);
    const entry = JSON.parse(/^ENTRYPOINT (.*)$/m.exec(dockerfile)![1]!);
    expect(entry).toEqual(['/usr/local/bin/node', ...RUNTIME_FLAGS, '/opt/ashlar/node/main.js']);
  });

  test('takes the Node that everything is tested with', () => {
    const { devDependencies } = readJson('package.json');
    expect(dockerfile).toContain(`ARG BASE=node:${devDependencies.node}-bookworm-slim`);
  });

  test('needs no shell in its base, and runs as an ordinary user', () => {
    expect(dockerfile).not.toMatch(/^RUN /m);
    expect(dockerfile).toMatch(/^USER 10001:10001$/m);
    expect(dockerfile).not.toMatch(/^VOLUME/m);
  });
});
