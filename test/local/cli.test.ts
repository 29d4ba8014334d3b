// The commands of the local target as a person uses them: up, down, status and env, from an empty directory to a purged one.
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findFreePorts } from '../../stacks/local/ports.ts';
import { cli, startCli, workplace } from './support.ts';

const SPEC = 'name: demo\nerasure: 2+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n';

let place: ReturnType<typeof workplace>;
let port: number;

beforeEach(async () => {
  place = workplace();
  writeFileSync(join(place.directory, 'cluster.yaml'), SPEC);
  [port] = (await findFreePorts(1)) as [number];
});

afterEach(() => place.remove());

const run = (line: string) => cli(place.directory, line);
const data = (...parts: string[]) => join(place.directory, '.ashlar', 'demo', ...parts);
const node = async () => ((await (await fetch(`http://127.0.0.1:${port}/`)).json()) as { node: string }).node;
const json = (text: string) => JSON.parse(text) as Record<string, unknown>;

describe('ashlar up', () => {
  test('starts every node and an endpoint, and says how to use it', async () => {
    const { exitCode, printed, noted } = await run(`up --detach --port ${port}`);
    expect({ exitCode, noted }).toMatchObject({ exitCode: 0, noted: expect.stringContaining('Ready in') });
    expect(noted).toContain('demo (cluster.yaml): 2+2 on 4 nodes in 4 zones, 4 drives; data in .ashlar/demo');
    expect(printed).toContain(`endpoint    http://127.0.0.1:${port} `);
    expect(printed).toContain(`access key  ${readFileSync(data('secrets', 'root-user'), 'utf8')}\n`);
    expect(printed).toContain(`secret key  ${readFileSync(data('secrets', 'root-password'), 'utf8')}\n`);
    expect(printed).toContain(`aws --endpoint-url http://127.0.0.1:${port} s3 mb s3://photos`);
    // The endpoint asks each node twice a second whether it is ready, so it may learn of some a moment after the command has.
    const answering = async () => new Set(await Promise.all([node(), node(), node(), node()])).size;
    await expect.poll(answering, { timeout: 10_000 }).toBeGreaterThan(1);
  });

  test('keeps secrets from everybody else', async () => {
    await run(`up -d --port ${port}`);
    expect(statSync(data()).mode & 0o777).toBe(0o700);
    for (const file of readdirSync(data('secrets'))) expect(statSync(data('secrets', file)).mode & 0o777).toBe(0o600);
    expect(statSync(data('ashlar.json')).mode & 0o777).toBe(0o600);
    expect(statSync(data('logs', 'node-a1.log')).mode & 0o777).toBe(0o600);
  });

  test('changes nothing when everything runs, and says so', async () => {
    await run(`up -d --port ${port}`);
    const before = json((await run('status --json')).printed);
    const { exitCode, noted } = await run('up');
    expect(exitCode).toBe(0);
    expect(noted).toContain('demo is running already.');
    expect(json((await run('status --json')).printed)).toEqual(before);
  });

  test('gives programs the endpoint and the credentials as JSON', async () => {
    const first = json((await run(`up -d --json --port ${port}`)).printed);
    expect(first).toMatchObject({
      name: 'demo',
      endpoint: `http://127.0.0.1:${port}`,
      region: 'us-east-1',
      accessKeyId: readFileSync(data('secrets', 'root-user'), 'utf8'),
      secretAccessKey: readFileSync(data('secrets', 'root-password'), 'utf8'),
      nodesStarted: ['a1', 'b1', 'c1', 'd1'],
      alreadyRunning: false,
    });
    expect(json((await run('up -d --json')).printed)).toMatchObject({ nodesStarted: [], alreadyRunning: true });
  });

  test('starts only what is missing of a half-started cluster', async () => {
    await run(`up -d --port ${port}`);
    const before = json((await run('status --json')).printed) as { nodes: { name: string; pid: number }[] };
    for (const { pid } of before.nodes.filter(({ name }) => name === 'a1' || name === 'c1'))
      process.kill(pid, 'SIGKILL');
    const { noted } = await run('up -d');
    expect(noted).toContain('b1, d1 run; starting a1, c1 …');
    const after = json((await run('status --json')).printed) as { nodes: { name: string; pid: number }[] };
    const same = after.nodes.filter(({ pid }) => before.nodes.some((was) => was.pid === pid)).map(({ name }) => name);
    expect(same).toEqual(['b1', 'd1']);
  });

  test('keeps ports, credentials and data over a stop', async () => {
    const before = json((await run(`up -d --json --port ${port}`)).printed);
    await run('down');
    const after = json((await run('up -d --json')).printed);
    const { nodesStarted, alreadyRunning, ...same } = before;
    expect(after).toMatchObject(same);
  });

  test('stays attached, tells what happens, and stops the cluster on Ctrl-C', async () => {
    const attached = startCli(place.directory, `up --port ${port}`);
    await until(() => attached.noted().includes('Ready in'));
    await run('drill kill node b1');
    await until(() => attached.noted().includes('node b1 (zone b) stopped'));
    attached.interrupt();
    // The terminal, npm and the shell each pass the same Ctrl-C on.
    attached.interrupt();
    const { exitCode, printed, noted } = await attached.finished;
    expect(exitCode).toBe(0);
    expect(printed).toContain('Ctrl-C stops the cluster');
    expect(noted).toContain('Stopped. Its data stays in .ashlar/demo');
    expect(noted).not.toContain('killing');
    expect((await run('status')).exitCode).toBe(2);
  });

  test('ends when another command stops the cluster it is attached to', async () => {
    const attached = startCli(place.directory, `up --port ${port}`);
    await until(() => attached.noted().includes('Ready in'));
    await run('down');
    expect(await attached.finished).toMatchObject({
      exitCode: 0,
      noted: expect.stringContaining('The cluster was stopped by another command.'),
    });
  });

  test('leaves nothing running when it is interrupted while it starts', async () => {
    const starting = startCli(place.directory, `up --port ${port}`);
    await until(() => starting.noted().includes('Starting'));
    starting.interrupt();
    expect(await starting.finished).toMatchObject({ exitCode: 1, noted: expect.stringContaining('interrupted') });
    expect((await run('status')).exitCode).toBe(2);
  });
});

describe('ashlar up refuses, with exit code 2 and without a trace,', () => {
  test('a spec that is wrong, naming every problem with its place and remedy', async () => {
    writeFileSync(join(place.directory, 'cluster.yaml'), SPEC.replace('2+2', '2x2').replace('drives', 'disks'));
    const { exitCode, noted } = await run('up -d');
    expect(exitCode).toBe(2);
    expect(noted).toContain('cluster.yaml:2:10: erasure: "2x2" is not');
    expect(noted).toContain('Did you mean "drives"?');
    expect(readdirSync(place.directory)).toEqual(['cluster.yaml']);
  });

  test('a spec file that is not there', async () => {
    const { exitCode, noted } = await run('up -d -f other.yaml');
    expect({ exitCode, noted }).toEqual({
      exitCode: 2,
      noted: 'ashlar: the spec other.yaml cannot be read: there is no such file; name another with -f',
    });
  });

  test('a plan that does not keep its promise, in the words of the plan', async () => {
    writeFileSync(join(place.directory, 'cluster.yaml'), SPEC.replace('2+2', '4+2'));
    const { exitCode, noted } = await run('up -d');
    expect(exitCode).toBe(2);
    expect(noted).toContain('the plan of demo is not safe, so nothing was started');
    expect(noted).toContain('What would hold:');
    expect(readdirSync(place.directory)).toEqual(['cluster.yaml']);
  });

  test('an endpoint port that is taken, naming it and who has it', async () => {
    const squatter = createServer().listen(port, '127.0.0.1');
    const { exitCode, noted } = await run(`up -d --port ${port}`);
    squatter.close();
    expect(exitCode).toBe(2);
    expect(noted).toContain(`port ${port} on 127.0.0.1 is taken by process ${process.pid} (`);
    expect(noted).toContain('choose another port with --port');
    expect(readdirSync(place.directory)).toEqual(['cluster.yaml']);
  });

  test('to take a node’s port from whoever has it now', async () => {
    const up = json((await run(`up -d --json --port ${port}`)).printed) as { nodes: { name: string; port: number }[] };
    await run('down');
    const taken = up.nodes.find(({ name }) => name === 'c1')!.port;
    const squatter = createServer().listen(taken, '127.0.0.1');
    const { exitCode, noted } = await run('up -d');
    squatter.close();
    expect(exitCode).toBe(2);
    expect(noted).toContain(`port ${taken} of node c1 is taken by process ${process.pid} (`);
    expect((await run('status')).exitCode).toBe(2);
  });

  test('another shape of cluster than the directory was made with, naming the differences', async () => {
    await run(`up -d --port ${port}`);
    await run('down');
    const other = SPEC.replace('d: 1', 'e: 1').replace('drives: 1', 'drives: 2').replace('2+2', '4+2');
    writeFileSync(join(place.directory, 'cluster.yaml'), other);
    const { exitCode, noted } = await run('up -d');
    expect(exitCode).toBe(2);
    expect(noted.split('\n').filter((line) => line.startsWith('  - '))).toEqual([
      '  - its erasure scheme is 2+2, the spec says 4+2',
      '  - its node a1 has drives d1, the spec says d1, d2',
      '  - its node b1 has drives d1, the spec says d1, d2',
      '  - its node c1 has drives d1, the spec says d1, d2',
      '  - it has node d1 in zone d, the spec has not',
      '  - the spec has node e1 in zone e, it has not',
    ]);
    expect(noted).toContain('ashlar down --purge');
  });

  test('a data directory that is somebody else’s', async () => {
    writeFileSync(join(place.directory, 'thesis.tex'), 'years of work');
    const { exitCode, noted } = await run('up -d --data .');
    expect(exitCode).toBe(2);
    expect(noted).toContain('is not the data of a local cluster');
    expect(readFileSync(join(place.directory, 'thesis.tex'), 'utf8')).toBe('years of work');
  });

  test('a data directory that is a file', async () => {
    const { exitCode, noted } = await run('up -d --data cluster.yaml');
    expect(exitCode).toBe(2);
    expect(noted).toContain('cannot hold a cluster: it is a file');
  });

  test('to move the endpoint of a running cluster', async () => {
    await run(`up -d --port ${port}`);
    const { exitCode, noted } = await run('up -d --port 1234');
    expect(exitCode).toBe(2);
    expect(noted).toContain(`the cluster runs with its endpoint on port ${port}; stop it first`);
  });

  test.each(['0', '65536', 'http', '1.5'])('the port %s', async (text) => {
    const { exitCode, noted } = await run(`up -d --port ${text}`);
    expect(exitCode).toBe(2);
    expect(noted).toContain('A port is a number from 1 to 65535.');
  });
});

describe('a node that does not start', () => {
  test('is named with the last it said, and nothing is left running', async () => {
    await run(`up -d --port ${port}`);
    await run('down');
    writeFileSync(data('data', 'b1', 'refuse-to-start'), '');
    const { exitCode, noted } = await run('up -d');
    expect(exitCode).toBe(1);
    expect(noted).toContain('node b1 ended while it was starting (exit code 1). The last lines of');
    expect(noted).toContain('\n  the drive d1 belongs to another cluster');
    expect((await run('status')).exitCode).toBe(2);
    rmSync(data('data', 'b1', 'refuse-to-start'));
    expect((await run('up -d')).exitCode).toBe(0);
  });

  test('does not take the running ones along', async () => {
    await run(`up -d --port ${port}`);
    await run('drill kill node b1');
    writeFileSync(data('data', 'b1', 'refuse-to-start'), '');
    expect((await run('up -d')).exitCode).toBe(1);
    const status = json((await run('status --json')).printed) as { nodes: { name: string; pid: number | null }[] };
    expect(status.nodes.filter(({ pid }) => pid === null).map(({ name }) => name)).toEqual(['b1']);
    expect(await node()).toMatch(/^[acd]1$/);
  });
});

describe('ashlar down', () => {
  test('stops everything and keeps the data', async () => {
    await run(`up -d --port ${port}`);
    const { exitCode, printed, noted } = await run('down');
    expect({ exitCode, noted }).toEqual({ exitCode: 0, noted: 'Stopping the endpoint, a1, b1, c1, d1 …' });
    expect(printed).toContain('Stopped demo (a1, b1, c1, d1).');
    await expect(node()).rejects.toThrow('fetch failed');
    expect(readdirSync(data('run'))).toEqual([]);
    expect(readdirSync(data('data', 'a1', 'd1'))).toContain('identity');
  });

  test('says so when there was nothing to stop', async () => {
    await run(`up -d --port ${port}`);
    await run('down');
    expect(await run('down')).toMatchObject({ exitCode: 0, printed: expect.stringContaining('demo was not running.') });
  });

  test('--purge deletes everything of the cluster, and nothing else', async () => {
    await run(`up -d --port ${port}`);
    writeFileSync(data('notes.txt'), 'mine');
    const first = await run('down --purge');
    expect(first.printed).toContain('left there, as it is not ours: notes.txt');
    expect(readdirSync(data())).toEqual(['notes.txt']);
    rmSync(data('notes.txt'));
    await run(`up -d --port ${port}`);
    expect((await run('down --purge')).printed).toContain('Deleted .ashlar/demo.');
    expect(readdirSync(place.directory)).toEqual(['cluster.yaml']);
  });

  test('--purge does not touch a directory that is not a cluster’s', async () => {
    writeFileSync(join(place.directory, 'thesis.tex'), 'years of work');
    expect(await run('down --purge --data .')).toMatchObject({ exitCode: 2 });
    expect(readdirSync(place.directory).sort()).toEqual(['cluster.yaml', 'thesis.tex']);
  });

  test('does not signal a process that was given the number of one of ours', async () => {
    await run(`up -d --port ${port}`);
    await run('down');
    // This very process plays the stranger: it has the number, and another start.
    writeFileSync(data('run', 'node-a1.json'), JSON.stringify({ pid: process.pid, startMark: 'another boot/1' }));
    expect(await run('down')).toMatchObject({ exitCode: 0, printed: expect.stringContaining('was not running') });
  });

  test('stops a cluster whose spec has been broken since', async () => {
    await run(`up -d --port ${port}`);
    writeFileSync(join(place.directory, 'cluster.yaml'), 'zones: [');
    expect(await run('down')).toMatchObject({ exitCode: 0, printed: expect.stringContaining('Stopped demo') });
  });

  test('without any cluster is bad input that says what to do', async () => {
    expect(await run('down')).toEqual({
      exitCode: 2,
      printed: '',
      noted: 'ashlar: there is no cluster in .ashlar; start one with "ashlar up", or name its directory with --data',
    });
  });
});

describe('ashlar status', () => {
  test('exits with 0 for a healthy cluster and shows every node and drive', async () => {
    await run(`up -d --port ${port}`);
    const { exitCode, printed } = await run('status');
    expect(exitCode).toBe(0);
    expect(printed).toMatch(/^demo: healthy\n/);
    for (const name of ['a1', 'b1', 'c1', 'd1']) {
      expect(printed).toMatch(new RegExp(`^[abcd] +${name} +ready +\\d+ +127.0.0.1:\\d+`, 'm'));
      expect(printed).toMatch(new RegExp(`^${name}/d1 +up`, 'm'));
    }
  });

  test('exits with 1 and says why when something is lost', async () => {
    await run(`up -d --port ${port}`);
    await run('drill kill node c1');
    const { exitCode, printed } = await run('status');
    expect(exitCode).toBe(1);
    expect(printed).toMatch(/^demo: degraded\n {2}- node c1 does not run\n/);
    expect(printed).toMatch(/^c +c1 +stopped/m);
  });

  test('exits with 2 when the cluster is stopped', async () => {
    await run(`up -d --port ${port}`);
    await run('down');
    expect(await run('status')).toMatchObject({ exitCode: 2, printed: expect.stringMatching(/^demo: stopped/) });
  });

  test('asks which cluster is meant when there are several', async () => {
    await run(`up -d --port ${port}`);
    await run('down');
    writeFileSync(join(place.directory, 'cluster.yaml'), SPEC.replace('demo', 'second'));
    await run(`up -d --port ${port}`);
    await run('down');
    expect((await run('status')).printed).toMatch(/^second: /);
    writeFileSync(join(place.directory, 'cluster.yaml'), SPEC.replace('demo', 'third'));
    expect(await run('status')).toMatchObject({
      exitCode: 2,
      noted: expect.stringContaining('(.ashlar/demo, .ashlar/second); say which one with --data'),
    });
    expect((await run('status --data .ashlar/demo')).printed).toMatch(/^demo: /);
  });
});

describe('ashlar drill corrupt', () => {
  test('says so when there is nothing to flip', async () => {
    await run(`up -d --port ${port}`);
    expect((await run('drill corrupt zone c')).printed).toContain(
      'Drive c1/d1 holds nothing of this kind (shards); nothing was flipped.',
    );
  });

  test.each([
    ['drill corrupt drive c1/d1 --flips 0', 'A number of bytes from 1 to 1000000.'],
    ['drill corrupt drive c1/d1 --what memory', 'Allowed choices are shards, manifests, log, index.'],
    ['drill kill node c1 --flips 3', '--what and --flips belong to "drill corrupt", not to "drill kill"'],
  ])('refuses: %s', async (line, why) => {
    await run(`up -d --port ${port}`);
    expect(await run(line)).toMatchObject({ exitCode: 2, noted: expect.stringContaining(why) });
  });
});

describe('ashlar env', () => {
  test('prints exports that a shell can evaluate', async () => {
    await run(`up -d --port ${port}`);
    const secret = (name: string) => readFileSync(data('secrets', name), 'utf8');
    expect((await run('env')).printed.split('\n')).toEqual([
      `export AWS_ACCESS_KEY_ID=${secret('root-user')}`,
      `export AWS_SECRET_ACCESS_KEY=${secret('root-password')}`,
      `export AWS_ENDPOINT_URL=http://127.0.0.1:${port}`,
      'export AWS_REGION=us-east-1',
      'export AWS_DEFAULT_REGION=us-east-1',
    ]);
  });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(10);
}
