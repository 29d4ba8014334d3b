// The command `ashlar host-config` in a directory: which files it writes, and its exit codes.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cli, workplace } from '../../local/support.ts';
import { ONE_HOST } from './specs.ts';

let place: ReturnType<typeof workplace>;
beforeEach(() => {
  place = workplace();
  writeFileSync(join(place.directory, 'cluster.yaml'), ONE_HOST);
});
afterEach(() => place.remove());

const listed = (name: string) => readdirSync(join(place.directory, 'hosts', name)).sort();
const read = (name: string) => readFileSync(join(place.directory, 'hosts', 'a1', name));
const FILES = ['.ashlar-rendered.json', 'apply.sh', 'doctor.sh', 'meta-data', 'network-config', 'user-data'];

test('writes a directory for each machine, and the same once more changes nothing', async () => {
  const first = await cli(place.directory, 'host-config --out hosts');
  expect({ exitCode: first.exitCode, noted: first.noted }).toEqual({ exitCode: 0, noted: '' });
  expect(first.printed.split('\n')).toEqual([
    'Wrote hosts/a1/user-data.',
    'Wrote hosts/a1/meta-data.',
    'Wrote hosts/a1/network-config.',
    'Wrote hosts/a1/apply.sh.',
    'Wrote hosts/a1/doctor.sh.',
  ]);
  expect(listed('a1')).toEqual(FILES);
  const again = await cli(place.directory, 'host-config a1 --out hosts');
  expect(again.printed.split('\n')).toHaveLength(5);
  expect(again.printed).not.toContain('Wrote');
});

test('writes an image beside them when it is asked for one, the same bytes each time', async () => {
  await cli(place.directory, 'host-config --out hosts --seed iso');
  expect(listed('a1')).toEqual([...FILES, 'seed.iso'].sort());
  const image = read('seed.iso');
  expect(image.subarray(16 * 2048 + 1, 16 * 2048 + 6).toString()).toBe('CD001');
  expect(image.includes(read('user-data'))).toBe(true);
  expect((await cli(place.directory, 'host-config --out hosts --seed iso')).printed).toContain(
    'hosts/a1/seed.iso is as it should be already.',
  );
});

test('leaves alone what somebody wrote', async () => {
  await cli(place.directory, 'host-config --out hosts');
  writeFileSync(join(place.directory, 'hosts', 'a1', 'user-data'), '#cloud-config\n# mine\n');
  const { exitCode, noted } = await cli(place.directory, 'host-config --out hosts');
  expect({ exitCode, noted }).toEqual({
    exitCode: 2,
    noted: expect.stringContaining('hosts/a1/user-data was not rendered'),
  });
  expect(read('user-data').toString()).toBe('#cloud-config\n# mine\n');
});

test('says which machines there are when asked for another one', async () => {
  expect(await cli(place.directory, 'host-config b1 --out hosts')).toEqual({
    exitCode: 2,
    printed: '',
    noted: 'ashlar: the spec of one does not describe a machine b1; it has a1',
  });
});

test('says how machines are described when the spec has none', async () => {
  writeFileSync(join(place.directory, 'cluster.yaml'), 'erasure: 2+1\nzones: {a: 3}\ndrives: 1\n');
  const { exitCode, noted } = await cli(place.directory, 'host-config --out hosts');
  expect({ exitCode, noted }).toEqual({
    exitCode: 2,
    noted: 'ashlar: cluster.yaml has no "hosts"; examples/bare-metal.yaml shows how machines are described',
  });
});
