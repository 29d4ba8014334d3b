// The command `ashlar doctor`: whom it calls, what it hands over, and what it makes of the answers.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cli, workplace } from '../../local/support.ts';

const archive = readFileSync('examples/bare-metal.yaml', 'utf8');

let place: ReturnType<typeof workplace>;
beforeEach(() => {
  place = workplace();
  writeFileSync(join(place.directory, 'cluster.yaml'), archive);
});
afterEach(() => place.remove());

/** Stands for ssh: writes down its arguments and its input, and answers by the address. */
function fakeSsh(answers: Readonly<Record<string, string>>): string {
  const path = join(place.directory, 'fake-ssh');
  const cases = Object.entries(answers).map(([address, body]) => `  *@${address}) ${body} ;;`);
  writeFileSync(
    path,
    `#!/bin/sh\nprintf '%s\\n' "$*" >>'${path}.calls'\ncat >"${path}.$1"\ncase $1 in\n${cases.join('\n')}\n  *) echo "ssh: no route to $1" >&2; exit 255 ;;\nesac\n`,
  );
  chmodSync(path, 0o755);
  return path;
}

const check = (verdict: string, what: string, found: string) =>
  `{"verdict": "${verdict}", "what": "${what}", "wanted": "1", "found": "${found}", "mend": ${verdict === 'bad' ? '"do it"' : 'null'}}`;
const answer = (ok: boolean, ...checks: string[]) =>
  `printf '%s' '{"host": "x", "ok": ${ok}, "checks": [${checks.join(', ')}]}'; exit ${ok ? 0 : 1}`;

test('hands each machine its own script over ssh, and says what is wrong', async () => {
  const ssh = fakeSsh({
    '10.0.1.11': answer(true, check('ok', 'vm.swappiness', '1'), check('absent', 'cpu-governor', 'none')),
    '10.0.3.12': answer(
      false,
      check('ok', 'time', '0 s'),
      check('bad', 'vm.swappiness', '60'),
      check('unknown', 'x', '?'),
    ),
  });
  expect(await cli(place.directory, `doctor a1 c2 b2 --no-peers --ssh ${ssh}`)).toEqual({
    exitCode: 1,
    printed: [
      'a1: 2 as wanted, 0 not',
      'c2: 1 as wanted, 2 not',
      '  BAD  vm.swappiness: wanted 1, found 60',
      '      do it',
      '  UNKNOWN  x: wanted 1, found ?',
      'b2: UNKNOWN: ssh: no route to ops@10.0.2.12',
    ].join('\n'),
    noted: '',
  });
  expect(readFileSync(`${ssh}.calls`, 'utf8').trim().split('\n').sort()).toEqual(
    ['10.0.1.11', '10.0.2.12', '10.0.3.12'].map((address) => `ops@${address} sudo -n sh -s -- --json --no-peers`),
  );
  const script = readFileSync(`${ssh}.ops@10.0.3.12`, 'utf8');
  expect(script).toContain('\nhost\tc2\tarchive\t10001\n');
  expect(script).toContain('\ndrive\td1\tdata\tserial\tS6CKNE0T320001\t');
});

test('is green when all machines are', async () => {
  const ssh = fakeSsh({ '10.0.1.11': answer(true, check('ok', 'time', '0 s')) });
  expect(await cli(place.directory, `doctor a1 --ssh ${ssh}`)).toEqual({
    exitCode: 0,
    printed: 'a1: 1 as wanted, 0 not',
    noted: '',
  });
});

test('prints JSON of all machines, with those that did not answer', async () => {
  const ssh = fakeSsh({ '10.0.1.11': answer(true, check('ok', 'time', '0 s')) });
  const { exitCode, printed } = await cli(place.directory, `doctor --json --user root --ssh ${ssh}`);
  expect(exitCode).toBe(1);
  const report = JSON.parse(printed) as { ok: boolean; hosts: { host: string; ok: boolean; error?: string }[] };
  expect(report.ok).toBe(false);
  expect(report.hosts.map(({ host, ok, error }) => [host, ok, error])).toEqual([
    ['a1', true, undefined],
    ...['a2', 'b1', 'b2', 'c1', 'c2'].map((name, index) => [
      name,
      false,
      `ssh: no route to root@10.0.${[1, 2, 2, 3, 3][index]}.1${[2, 1, 2, 1, 2][index]}`,
    ]),
  ]);
});

test('looks at this machine without ssh, finds that it is no storage host, and reads its kernel right', async () => {
  const { exitCode, printed } = await cli(place.directory, 'doctor a1 --local --json --no-peers');
  expect(exitCode).toBe(1);
  const { hosts } = JSON.parse(printed) as {
    hosts: { host: string; checks: { what: string; verdict: string; found: string }[] }[];
  };
  expect(hosts[0]!.host).toBe('a1');
  expect(hosts[0]!.checks.find(({ what }) => what === 'drive d1')).toMatchObject({ verdict: 'bad' });
  // Files of /proc/sys give their first read everything and the next one nothing: whoever reads byte by byte sees "6" of "60".
  for (const id of ['vm/max_map_count', 'net/ipv4/tcp_rmem']) {
    const { found } = hosts[0]!.checks.find(({ what }) => what === id.replaceAll('/', '.'))!;
    expect(found).toBe(readFileSync(`/proc/sys/${id}`, 'utf8').trim().split(/\s+/).join(' '));
  }
});

test.each([
  ['doctor z9', 'the spec of archive does not describe a machine z9; it has a1, a2, b1, b2, c1, c2'],
  ['doctor a1 a2 --local', 'this is one machine; name one with --local'],
])('refuses "%s" with exit code 2', async (line, message) => {
  expect(await cli(place.directory, line)).toEqual({ exitCode: 2, printed: '', noted: `ashlar: ${message}` });
});
