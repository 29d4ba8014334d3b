import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { describeHost } from '../../host-tuning/describe-host.ts';
import { hostFiles, networkFiles } from '../../host-tuning/host-files.ts';
import { networkdFiles } from '../../host-tuning/networkd.ts';
import { renderHost, SEED_FILES } from '../../host-tuning/render-host.ts';
import { readHostScripts } from '../../host-tuning/scripts.ts';
import { seedIso } from '../../host-tuning/seed-iso.ts';
import { type ClusterSpec, parseClusterSpec } from '../../spec/cluster-spec.ts';

const scripts = readHostScripts();
const archive = specOf(readFileSync('examples/bare-metal.yaml', 'utf8'));
const HOSTS = ['a1', 'c2'];

function specOf(text: string): ClusterSpec {
  const result = parseClusterSpec(text, 'spec');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

/** Every file on the host but the scripts, which have tests of their own, one below the other. */
function shown(files: readonly { path: string; mode: string; text: string }[]): string {
  return files
    .filter(({ path }) => !path.startsWith('/usr/local'))
    .map(({ path, mode, text }) => `===== ${path} ${mode}\n${text}`)
    .join('\n');
}

describe('of examples/bare-metal.yaml', () => {
  // a1: Debian 12, everything through cloud-init; c2: Rocky 9, whose bonds are keyfiles of NetworkManager.
  for (const name of HOSTS) {
    const description = describeHost(archive, name);
    test(`the network and the meta-data of ${name} are as they were`, async () => {
      const files = renderHost(description, scripts);
      await expect(files.get('network-config')).toMatchFileSnapshot(`host-tuning/${name}.network-config.yaml`);
      await expect(files.get('meta-data')).toMatchFileSnapshot(`host-tuning/${name}.meta-data.yaml`);
    });

    test(`the files of ${name} are as they were`, async () => {
      const files = [...hostFiles(description, scripts), ...networkFiles(description.host)];
      await expect(shown(files)).toMatchFileSnapshot(`host-tuning/${name}.files.txt`);
    });

    test(`the user-data of ${name} is as it was`, async () => {
      const text = renderHost(description, scripts).get('user-data')!;
      // The contents of the files are in the snapshot above; here is what cloud-init is told to do with them.
      const outline = text.replace(/^( {4}content: )\|[+-]?\n(?: {6}.*\n|\n)*/gm, '$1…\n');
      await expect(outline).toMatchFileSnapshot(`host-tuning/${name}.user-data.txt`);
    });
  }

  test('the files of systemd-networkd are as they were', async () => {
    await expect(shown(networkdFiles(describeHost(archive, 'a1').host))).toMatchFileSnapshot(
      'host-tuning/a1.networkd.txt',
    );
  });

  test('the same spec gives the same bytes, whenever it is read', () => {
    const again = specOf(readFileSync('examples/bare-metal.yaml', 'utf8'));
    for (const name of HOSTS)
      expect([...renderHost(describeHost(again, name), readHostScripts())]).toEqual([
        ...renderHost(describeHost(archive, name), scripts),
      ]);
  });
});

test('an image of a seed is the same bytes, in whatever order its files come', () => {
  const texts = SEED_FILES.map((name, index): [string, string] => [name, `${name}\n`.repeat(index * 200 + 1)]);
  const image = seedIso(new Map(texts));
  expect(Buffer.from(seedIso(new Map([...texts].reverse()))).equals(image)).toBe(true);
  // Read with isoinfo -J and with blkid when it was written: LABEL="cidata", and every file as it was put in.
  expect(createHash('sha256').update(image).digest('hex')).toMatchInlineSnapshot(
    `"69d25e4433e16ea2505cebb186c4e03c06b94f5a0c4973f7b3c3ff1769db0fd0"`,
  );
});
