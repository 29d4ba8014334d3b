import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { makeKubernetesSecrets, openKubernetesProject } from '../../../stacks/kubernetes/project.ts';
import { cli } from '../../local/support.ts';
import { IMAGE, SIX_NODES } from '../../support/kubernetes-specs.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-kubernetes-project-'));
  write('cluster.yaml', SIX_NODES);
  write('kubernetes.yaml', `image: ${IMAGE}\nvolumes: {kind: class, size: 1TiB}\n`);
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
const open = (choice: object = {}) => openKubernetesProject({ directory, ...choice });

const ashlar = (...args: string[]) => cli(directory, args.join(' '));

describe('a project', () => {
  test('is the spec and the settings beside it, of which the command line may say some otherwise', () => {
    write('other.yaml', SIX_NODES.replace('name: six', 'name: other'));
    const image = IMAGE.replace('0123', '4567');
    const { plan, settings } = open({ specFile: 'other.yaml', image, context: 'prod' });
    expect([plan.name, settings.image, settings.context]).toEqual(['other', image, 'prod']);
    expect(open().settings).toMatchObject({ image: IMAGE, context: null, namespace: 'ashlar' });
  });

  test('is refused with files that say nothing of use', () => {
    expect(() => open({ specFile: 'none.yaml' })).toThrow('the spec none.yaml cannot be read: there is no such file');
    expect(() => open({ settingsFile: 'none.yaml' })).toThrow('the settings none.yaml cannot be read');
    write('kubernetes.yaml', 'image: [');
    expect(() => open()).toThrow('kubernetes.yaml is not YAML');
    write('kubernetes.yaml', '- image');
    expect(() => open()).toThrow('kubernetes.yaml is no list of settings; write for instance "image: …"');
    write('cluster.yaml', 'erasure: 4+2\n');
    write('kubernetes.yaml', `image: ${IMAGE}\n`);
    expect(() => open()).toThrow('cluster.yaml does not describe a cluster');
  });

  test('has its secrets drawn once, for its owner alone', () => {
    expect(makeKubernetesSecrets(open())).toBe(true);
    const { secrets, secretsDirectory } = open();
    expect(secretsDirectory).toBe('.ashlar/six.kubernetes/secrets');
    expect(secrets?.clusterSecret).toMatch(/^[0-9a-f]{64}$/);
    expect(statSync(join(directory, secretsDirectory, 'cluster-secret')).mode & 0o777).toBe(0o600);
    expect(makeKubernetesSecrets(open())).toBe(false);
    expect(open().secrets).toEqual(secrets);
  });

  test('with external secrets has none, and makes none', () => {
    write('kubernetes.yaml', `image: ${IMAGE}\nsecrets: {kind: external, name: vault}\n`);
    expect(open().secrets).toBeNull();
    expect(() => makeKubernetesSecrets(open())).toThrow(
      'the secrets are external: vault is made by whoever keeps them',
    );
  });
});

describe('the command line', () => {
  test('renders manifests that hold no secret, and says what is there', async () => {
    await ashlar('kubernetes', 'secrets');
    const { exitCode, printed } = await ashlar('render', 'kubernetes', '--out', 'k');
    expect(exitCode).toBe(0);
    expect(printed).toContain('Wrote k/statefulset-six-a.yaml.');
    const files = readdirSync(join(directory, 'k')).filter((name) => name.endsWith('.yaml'));
    const { resources } = parse(readFileSync(join(directory, 'k', 'kustomization.yaml'), 'utf8')) as {
      resources: string[];
    };
    expect([...resources, 'kustomization.yaml'].sort()).toEqual(files.sort());
    const text = files.map((name) => readFileSync(join(directory, 'k', name), 'utf8')).join('');
    expect(text).not.toContain(Buffer.from(open().secrets!.secretAccessKey).toString('base64'));
    expect(await ashlar('render', 'kubernetes', '--out', 'k')).toMatchObject({
      exitCode: 0,
      printed: expect.not.stringContaining('Wrote'),
    });
  });

  test('says what stands against it, with exit code 2', async () => {
    const { exitCode, noted } = await ashlar('render', 'kubernetes', '--out', 'k');
    expect(exitCode).toBe(2);
    expect(noted).toContain('six has no secrets yet; "ashlar kubernetes secrets" makes them, once');
  });

  test('prints what S3 clients need', async () => {
    await ashlar('kubernetes', 'secrets');
    const { printed } = await ashlar('kubernetes', 'env', '--endpoint', 'https://s3.example.com');
    expect(printed).toContain('AWS_ENDPOINT_URL=https://s3.example.com');
    expect(printed).toContain(`AWS_SECRET_ACCESS_KEY=${open().secrets!.secretAccessKey}`);
    expect((await ashlar('kubernetes', 'env')).printed).toContain('AWS_ENDPOINT_URL=http://six-s3.ashlar.svc:9000');
  });

  test('wants to know what is to be taken down', async () => {
    await ashlar('kubernetes', 'secrets');
    for (const args of [[], ['a1', '--zone', 'a']])
      expect(await ashlar('kubernetes', 'gate', ...args)).toMatchObject({
        exitCode: 2,
        noted: expect.stringContaining('either a NODE or --zone NAME'),
      });
    expect((await ashlar('kubernetes', 'gate', 'x9')).noted).toContain('there is no node or pod x9 in the plan');
    expect((await ashlar('kubernetes', 'roll', '--zone', 'x')).noted).toContain(
      'there is no zone x; the zones are a, b, c',
    );
  });
});
