// The commands `ashlar image` and `ashlar testbed` where there is nothing for them to work with, and with a docker client that only
// says what it was asked: what people read, and which exit code scripts see.
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { cli, workplace } from './support.ts';

let place: ReturnType<typeof workplace>;
let path: string | undefined;
beforeEach(() => {
  place = workplace();
  path = process.env.PATH;
  mkdirSync(join(place.directory, 'bin'));
});
afterEach(async () => {
  process.env.PATH = path;
  await place.remove();
});

/** A shell script in place of the docker client, which writes what it was asked into a file. */
function fakeDocker(answers: string): () => string[] {
  const program = join(place.directory, 'bin', 'docker');
  const asked = join(place.directory, 'asked');
  writeFileSync(program, `#!/bin/sh\necho "$*" >>${asked}\n${answers}\n`);
  chmodSync(program, 0o755);
  process.env.PATH = `${join(place.directory, 'bin')}:${path}`;
  return () => readFileSync(asked, 'utf8').trim().split('\n');
}

describe('ashlar image', () => {
  test('without a docker client says so, and what to do, with exit code 2', async () => {
    process.env.PATH = join(place.directory, 'bin');
    const { exitCode, noted } = await cli(place.directory, 'image build');
    expect(exitCode).toBe(2);
    expect(noted).toContain('cannot run docker: there is no such program here');
    expect(noted).toContain('apt-get install docker.io');
  });

  test('without an engine shows what the client said, with exit code 2', async () => {
    fakeDocker('echo "Cannot connect to the Docker daemon" >&2; exit 1');
    const { exitCode, noted } = await cli(place.directory, 'image push registry/ashlar:1');
    expect(exitCode).toBe(2);
    expect(noted).toContain('no docker engine answers: Cannot connect to the Docker daemon. Install');
  });

  test('that was not built yet is not pushed', async () => {
    fakeDocker('case "$1" in version) echo "20.10.24 amd64";; *) exit 1;; esac');
    const { exitCode, noted } = await cli(place.directory, 'image push registry/ashlar:1 --tag ashlar:none');
    expect(exitCode).toBe(2);
    expect(noted).toContain('no image ashlar:none; build it with "npx ashlar image build --tag ashlar:none"');
  });

  test('is pushed under another name, and its reference by digest of that registry is printed', async () => {
    const digests = '["else/ashlar@sha256:00","registry:5000/ashlar@sha256:11"]';
    const asked = fakeDocker(
      `case "$1 $2" in version*) echo "20.10.24 amd64";; "image inspect") echo '[{"RepoDigests":${digests}}]';; esac`,
    );
    const { exitCode, printed } = await cli(place.directory, 'image push registry:5000/ashlar:1 --tag ashlar:1');
    expect(exitCode).toBe(0);
    expect(printed).toBe('registry:5000/ashlar@sha256:11');
    expect(asked()).toContain('tag ashlar:1 registry:5000/ashlar:1');
    expect(asked()).toContain('push --quiet registry:5000/ashlar:1');
  });

  test('of somebody else is not verified, but named', async () => {
    fakeDocker(`case "$1" in version) echo "20.10.24 amd64";; *) echo '[{"Config":{"Labels":null}}]';; esac`);
    const { exitCode, noted } = await cli(place.directory, 'image verify other:1');
    expect(exitCode).toBe(2);
    expect(noted).toContain('other:1 has no labels of Ashlar');
  });

  test('is signed with a key that can be read, or not built at all', async () => {
    const asked = fakeDocker('');
    const { exitCode, noted } = await cli(place.directory, 'image build --sign-key absent.pem');
    expect(exitCode).toBe(2);
    expect(noted).toContain('absent.pem cannot be read');
    expect(asked).toThrow('ENOENT');
  });

  test('is laid out only where nothing is', async () => {
    const { exitCode, noted } = await cli(place.directory, 'image context --out .');
    expect(exitCode).toBe(2);
    expect(noted).toContain('is not empty');
  });
});

describe('ashlar testbed', () => {
  test('of a shape that cannot be is refused before anything is made', async () => {
    const { exitCode, noted } = await cli(place.directory, 'testbed swarm up --name shapeless --hosts 0');
    expect(exitCode).toBe(2);
    expect(noted).toContain('from 1 to 16 hosts');
    const count = await cli(place.directory, 'testbed swarm up --hosts many');
    expect(count.exitCode).toBe(2);
    expect(count.noted).toContain('Give a whole number');
  });

  test.each(['swarm', 'kubernetes'])('that is not there is named: %s', async (kind) => {
    for (const line of ['status', 'down', 'env', 'kill-host h1', 'revive-host h1', 'exec true']) {
      const { exitCode, noted } = await cli(place.directory, `testbed ${kind} ${line} --name nowhere`);
      expect(exitCode, line).toBe(2);
      expect(noted, line).toContain(`there is no ${kind} testbed nowhere; `);
    }
  });
});
