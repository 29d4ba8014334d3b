// `ashlar gate` against real nodes: what it says while all is well, while a node is away, and of names that do not exist.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaultPrograms } from '../../stacks/local/cluster-processes.ts';
import { findFreePorts } from '../../stacks/local/ports.ts';
import { cli, workplace } from './support.ts';

const SPEC = 'name: demo\nerasure: 2+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n';

let place: ReturnType<typeof workplace>;
const run = (line: string) => cli(place.directory, line, defaultPrograms());

beforeAll(async () => {
  place = workplace();
  writeFileSync(join(place.directory, 'cluster.yaml'), SPEC);
  const [port] = await findFreePorts(1);
  expect(await run(`up --detach --port ${port}`)).toMatchObject({ exitCode: 0 });
});

afterAll(() => place.remove());

describe('ashlar gate', () => {
  test('is clear for any one node or zone once the cluster has looked at itself, and blocked for a second one', async () => {
    expect(await run('gate --node a1 --wait --timeout 60s')).toMatchObject({
      exitCode: 0,
      printed: 'Node a1 may be taken down now.',
    });
    expect(await run('gate --zone d')).toMatchObject({ exitCode: 0, printed: 'Zone d may be taken down now.' });
    const asJson = await run('gate --node b1 --json');
    expect(JSON.parse(asJson.printed)).toEqual({ node: 'b1', clear: true, reasons: [] });

    await run('drill kill node c1');
    expect(await run('gate --zone c --wait --timeout 60s')).toMatchObject({ exitCode: 0 });
    const second = await run('gate --node a1');
    expect(second.exitCode).toBe(1);
    expect(second.printed).toMatch(/^Node a1 must stay up for now:\n {2}- /);
    expect(second.printed).toContain(
      'without a1, c1/d1 128 of 128 partitions could not be written: 2 up-to-date register replicas left, 3 are needed',
    );
    const gaveUp = await run('gate --node a1 --wait --timeout 1s --json');
    expect(gaveUp.exitCode).toBe(1);
    expect(JSON.parse(gaveUp.printed)).toMatchObject({ clear: false });
    expect(gaveUp.noted).toContain('Node a1 must stay up for now (waiting):');

    await run('drill revive node c1');
    expect(await run('gate --node a1 --wait --timeout 60s')).toMatchObject({ exitCode: 0 });
  });

  test('asks any endpoint that it is given, with the secret of that cluster', async () => {
    const { endpoint } = JSON.parse((await run('status --json')).printed) as { endpoint: string };
    const secret = '--secret-file .ashlar/demo/secrets/cluster-secret';
    expect(await run(`gate --node a1 --wait --timeout 60s --endpoint ${endpoint} ${secret}`)).toMatchObject({
      exitCode: 0,
    });
    const unknown = await run(`gate --node a11 --endpoint ${endpoint} ${secret}`);
    expect(unknown).toMatchObject({ exitCode: 2, noted: expect.stringContaining('did you mean a1?') });
    writeFileSync(join(place.directory, 'wrong'), 'another secret');
    expect(await run(`gate --node a1 --endpoint ${endpoint} --secret-file wrong`)).toMatchObject({ exitCode: 2 });
    const nobody = await run(`gate --node a1 --endpoint http://127.0.0.1:1 ${secret}`);
    expect(nobody).toMatchObject({ exitCode: 1, printed: expect.stringContaining('gives no answer') });
  });

  test.each([
    ['gate', 'say what is to be taken down'],
    ['gate --node a1 --zone a', 'say what is to be taken down'],
    ['gate --node z9', 'demo has no node "z9"; its nodes are a1, b1, c1, d1'],
    ['gate --zone z', 'demo has no zone "z"; its zones are a, b, c, d'],
    ['gate --node a1 --wait --timeout soon', 'Write a duration as 90s, 10m or 2h.'],
    ['gate --node a1 --endpoint nowhere', 'Write a URL'],
    ['gate --node a1 --endpoint http://127.0.0.1:1', '--secret-file'],
    ['gate --node a1 --secret-file x', '--secret-file is for --endpoint'],
  ])('answers "%s" with exit code 2 and says what would be right', async (line, said) => {
    expect(await run(line)).toMatchObject({ exitCode: 2, noted: expect.stringContaining(said) });
  });
});
