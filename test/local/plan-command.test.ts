// The command `ashlar plan` from a directory: which spec it takes, what it prints for people and programs, and its exit code.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { cli, workplace } from './support.ts';

let place: ReturnType<typeof workplace>;
beforeEach(() => {
  place = workplace();
});
afterEach(() => place.remove());

const write = (name: string, text: string) => writeFileSync(join(place.directory, name), text);

test('without a spec it plans the one that comes with ashlar, which is safe', async () => {
  const { exitCode, printed } = await cli(place.directory, 'plan');
  expect(exitCode).toBe(0);
  expect(printed.split('\n')[0]).toBe('ashlar: 4+2 on 8 drives of 4 nodes in 4 zones: SAFE');
});

test('a spec that cannot hold is refused with exit code 2, the reason, and specs that would hold', async () => {
  write('cluster.yaml', 'name: thin\nerasure: 4+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n');
  const { exitCode, printed } = await cli(place.directory, 'plan --json');
  expect(exitCode).toBe(2);
  const { verdict } = JSON.parse(printed);
  expect(verdict.safe).toBe(false);
  expect(verdict.reasons.join()).toContain('4+2');
  const changes = verdict.nearest.map(({ change }: { change: string }) => change);
  expect(changes).toContain('2 drives on each node instead of 1');
});

test('what is offered is safe when it is pasted into the file', async () => {
  write('thin.yaml', 'name: thin\nerasure: 4+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n');
  const { verdict } = JSON.parse((await cli(place.directory, 'plan --json -f thin.yaml')).printed);
  expect(verdict.nearest.length).toBeGreaterThan(1);
  for (const { change, yaml } of verdict.nearest as { change: string; yaml: string }[]) {
    const replaced = new Set([...yaml.matchAll(/^([a-z]+):/gm)].map(([, name]) => name));
    const kept = ['name: thin', 'erasure: 4+2', 'zones: {a: 1, b: 1, c: 1, d: 1}', 'drives: 1'].filter(
      (line) => !replaced.has(line.split(':')[0]),
    );
    write('pasted.yaml', `${kept.join('\n')}\n${yaml}`);
    expect((await cli(place.directory, 'plan -f pasted.yaml')).exitCode, change).toBe(0);
  }
});

test('every problem of a wrong spec is told at once, with exit code 2', async () => {
  write('cluster.yaml', 'name: Wrong Name\nerasure: 4-2\nzones: {a: 1}\ndrivess: 2\n');
  const { exitCode, noted, printed } = await cli(place.directory, 'plan');
  expect(exitCode).toBe(2);
  expect(printed).toBe('');
  for (const word of ['name', 'erasure', 'drivess']) expect(noted).toContain(word);
});

test('a file that is not there is named', async () => {
  const { exitCode, noted } = await cli(place.directory, 'plan -f absent.yaml');
  expect(exitCode).toBe(2);
  expect(noted).toContain('absent.yaml');
});
