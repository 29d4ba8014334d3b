import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { chooseManager } from '../../../stacks/swarm/managers.ts';
import { makeSecrets, openProject } from '../../../stacks/swarm/project.ts';
import { cli } from '../../local/support.ts';
import { FOUR_NODES, IMAGE } from '../../support/swarm-specs.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-swarm-project-'));
  write('cluster.yaml', FOUR_NODES);
  write('cdktf.json', JSON.stringify({ app: 'true', context: { swarm: { image: IMAGE } } }));
});
afterEach(() => rmSync(directory, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
const open = (choice: { specFile?: string; image?: string } = {}) => openProject({ directory, ...choice });

const ashlar = (...args: string[]) => cli(directory, args.join(' '));

describe('a project', () => {
  test('is read from cdktf.json and the spec that it names', () => {
    write('other.yaml', FOUR_NODES.replace('name: four', 'name: other'));
    expect(open().plan.name).toBe('four');
    expect(open().settings.image).toBe(IMAGE);
    expect(open({ specFile: 'other.yaml' }).plan.name).toBe('other');
    write('cdktf.json', JSON.stringify({ context: { spec: 'other.yaml', swarm: { image: IMAGE } } }));
    expect(open().plan.name).toBe('other');
  });

  test('has another image when one is given', () => {
    const other = IMAGE.replace('0123', '3210');
    expect(open({ image: other }).settings.image).toBe(other);
  });

  for (const [what, file, text, words] of [
    ['settings that are none', 'cdktf.json', '{"context": {"swarm": {"imag": "x"}}}', 'imag'],
    ['a cdktf.json that is no JSON', 'cdktf.json', '{', 'is not JSON'],
    ['a spec that is none', 'cluster.yaml', 'erasure: 4\n', 'cluster.yaml does not describe a cluster'],
  ] as const) {
    test(`with ${what} is refused`, () => {
      write(file, text);
      expect(open).toThrow(words);
    });
  }
});

describe('secrets', () => {
  test('are made once, for their owner alone, and read again', () => {
    expect(open().secrets).toBeNull();
    expect(makeSecrets(open())).toBe(true);
    const made = open().secrets!;
    expect(made.clusterSecret).toMatch(/^[0-9a-f]{64}$/);
    expect(makeSecrets(open())).toBe(false);
    expect(open().secrets).toEqual(made);
    const file = join(directory, '.ashlar', 'four.swarm', 'secrets', 'root-password');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(file, '..')).mode & 0o777).toBe(0o700);
  });

  test('of which one is missing are not replaced by new ones, which would not fit the cluster', () => {
    makeSecrets(open());
    rmSync(join(directory, open().secretFile));
    expect(open).toThrow('cluster-secret cannot be read');
  });

  test('are those of the spec where it names them', () => {
    write('password', 'chosen-by-hand\n');
    write('cluster.yaml', `${FOUR_NODES}root: {accessKey: chosen, secretKeyFile: ${join(directory, 'password')}}\n`);
    makeSecrets(open());
    expect(open().secrets).toMatchObject({ accessKeyId: 'chosen', secretAccessKey: 'chosen-by-hand' });
  });
});

describe('the command line', () => {
  test('makes secrets, prints them for clients, and renders the stack file', async () => {
    expect((await ashlar('render', 'swarm', '--out', 'out')).noted).toContain(
      '"ashlar swarm secrets" makes them, once',
    );
    expect((await ashlar('swarm', 'secrets')).exitCode).toBe(0);
    expect((await ashlar('swarm', 'secrets')).printed).toContain('already');
    const { accessKeyId } = open().secrets!;
    const { printed } = await ashlar('swarm', 'env', '--endpoint', 'http://10.0.0.1:9000');
    expect(printed).toContain(`export AWS_ACCESS_KEY_ID=${accessKeyId}`);
    expect(printed).toContain('export AWS_ENDPOINT_URL=http://10.0.0.1:9000');
    expect((await ashlar('render', 'swarm', '--out', 'out')).printed).toBe('Wrote out/stack.yaml.');
    expect(readFileSync(join(directory, 'out', 'stack.yaml'), 'utf8')).toContain('node.labels.ashlar.four == a1');
  });

  test('says what is missing for a gate, and reads no spec for it', async () => {
    rmSync(join(directory, 'cdktf.json'));
    const { exitCode, noted } = await ashlar('swarm', 'gate', '--zone', 'a', '--cluster', 'four', '--nodes', '4');
    expect(exitCode).toBe(2);
    expect(noted).toContain('--service');
  });
});

describe('the manager to talk to is', () => {
  test('the first that answers, so that a dead one does not stop a deploy', async () => {
    const server = createServer((socket) => socket.end());
    const path = join(directory, 'docker.sock');
    await new Promise<void>((resolve) => server.listen(path, resolve));
    const dead = `unix://${join(directory, 'dead.sock')}`;
    expect(await chooseManager([dead, `unix://${path}`])).toBe(`unix://${path}`);
    expect(await chooseManager([dead, 'ssh://admin@10.0.0.1'])).toBe('ssh://admin@10.0.0.1');
    await new Promise((resolve) => server.close(resolve));
    expect(await chooseManager([dead, `unix://${path}`])).toBe(dead);
  });

  test('the only one without asking, and none when none is named', async () => {
    expect(await chooseManager(['tcp://10.255.255.1:2375'])).toBe('tcp://10.255.255.1:2375');
    expect(await chooseManager([])).toBeNull();
  });
});
