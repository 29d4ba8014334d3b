// The command `ashlar render load-balancer` in a directory: which files it writes, that it never takes somebody's work away, and its
// exit codes.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cli, workplace } from './support.ts';

const SPEC = 'name: demo\nerasure: 2+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n';
const RENDER = 'render load-balancer --out lb --node-address {node}';

let place: ReturnType<typeof workplace>;
beforeEach(() => {
  place = workplace();
  writeFileSync(join(place.directory, 'cluster.yaml'), SPEC);
});
afterEach(() => place.remove());

const path = (name: string) => join(place.directory, 'lb', name);
const read = (name: string) => readFileSync(path(name), 'utf8');
const listed = () => readdirSync(join(place.directory, 'lb')).sort();

test('writes both files, and the same once more changes nothing', async () => {
  expect(await cli(place.directory, RENDER)).toEqual({
    exitCode: 0,
    printed: 'Wrote lb/haproxy.cfg.\nWrote lb/nginx.conf.',
    noted: '',
  });
  const before = new Map(listed().map((name) => [name, read(name)]));
  expect([...before.keys()]).toEqual(['.ashlar-rendered.json', 'haproxy.cfg', 'nginx.conf']);
  expect(await cli(place.directory, RENDER)).toEqual({
    exitCode: 0,
    printed: 'lb/haproxy.cfg is as it should be already.\nlb/nginx.conf is as it should be already.',
    noted: '',
  });
  expect(new Map(listed().map((name) => [name, read(name)]))).toEqual(before);
});

test('replaces what it wrote itself when the options are others', async () => {
  await cli(place.directory, RENDER);
  const { exitCode, printed } = await cli(place.directory, `${RENDER} --kind haproxy --listen 9100`);
  expect({ exitCode, printed }).toEqual({ exitCode: 0, printed: 'Wrote lb/haproxy.cfg.' });
  expect(read('haproxy.cfg')).toContain('bind :9100');
  expect(read('nginx.conf')).toContain('listen 9000 default_server;');
  // It still knows the file that it did not write this time.
  expect((await cli(place.directory, `${RENDER} --listen 9200`)).exitCode).toBe(0);
  expect(read('nginx.conf')).toContain('listen 9200 default_server;');
});

test('a file of somebody else, or one that was changed, is in the way: exit code 2, and nothing is touched', async () => {
  await cli(place.directory, `${RENDER} --kind haproxy`);
  const rendered = read('haproxy.cfg');
  writeFileSync(path('nginx.conf'), '# mine\n');
  const foreign = await cli(place.directory, `${RENDER} --listen 9100`);
  expect(foreign.exitCode).toBe(2);
  expect(foreign.noted).toContain('lb/nginx.conf was not rendered here, or changed since, so nothing was written');
  expect(read('haproxy.cfg')).toBe(rendered);
  expect(read('nginx.conf')).toBe('# mine\n');

  writeFileSync(path('haproxy.cfg'), `${rendered}# and mine\n`);
  const changed = await cli(place.directory, RENDER);
  expect(changed.noted).toContain('lb/haproxy.cfg and lb/nginx.conf were not rendered here');
  expect(read('haproxy.cfg')).toBe(`${rendered}# and mine\n`);

  expect((await cli(place.directory, `${RENDER} --force`)).exitCode).toBe(0);
  expect(read('haproxy.cfg')).toBe(rendered);
  expect(read('nginx.conf')).toContain('upstream nodes {');
});

test('says that nodes need help to speak TLS themselves', async () => {
  const { exitCode, noted } = await cli(place.directory, `${RENDER} --tls-passthrough`);
  expect({ exitCode, noted }).toEqual({ exitCode: 0, noted: expect.stringContaining('nodes speak plain HTTP') });
});

test('what cannot be rendered writes nothing, not even a directory', async () => {
  const { exitCode, noted } = await cli(place.directory, 'render load-balancer --out lb');
  expect(exitCode).toBe(2);
  expect(noted).toContain('the spec gives the nodes no addresses');
  expect(existsSync(join(place.directory, 'lb'))).toBe(false);
});

test('a place that cannot hold the files is named', async () => {
  writeFileSync(join(place.directory, 'lb'), '');
  const asFile = await cli(place.directory, RENDER);
  expect(asFile).toMatchObject({ exitCode: 2, noted: expect.stringContaining('its directory is a file') });
  mkdirSync(join(place.directory, 'other', 'haproxy.cfg'), { recursive: true });
  const asDirectory = await cli(place.directory, RENDER.replace('--out lb', '--out other'));
  expect(asDirectory).toMatchObject({ exitCode: 2, noted: expect.stringContaining('it is a directory') });
});

test.each([
  ['render load-balancer --node-address {node}', "required option '-o, --out <directory>' not specified"],
  [`${RENDER} --kind apache`, 'Allowed choices are haproxy, nginx, both'],
  [`${RENDER} --listen 70000`, 'A port is a number from 1 to 65535'],
  [`${RENDER} --listen example.com`, 'Write PORT or HOST:PORT'],
  [`${RENDER} --name-server dns.example.com`, 'Write the IP address of a name server'],
  [`${RENDER} --certificate /c.pem --tls-passthrough`, 'not both'],
  ['render nothing', 'unknown command'],
])('%s is bad input', async (line, reason) => {
  const { exitCode, noted } = await cli(place.directory, line);
  expect(exitCode).toBe(2);
  expect(noted).toContain(reason);
});
