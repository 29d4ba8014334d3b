// The commands that README.md and `ashlar up` show for aws cli, rclone, s3cmd and the AWS SDK, run word by word as they stand
// there: a block of the README after a line `<!-- e2e: NAME -->` in an empty directory, and what `up` prints in the repository.
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { clientRecipes } from '../../../cli/welcome-text.ts';
import { LocalCluster } from '../local-cluster.ts';
import { run } from '../programs.ts';
import type { Suite } from '../suite.ts';

const repository = join(import.meta.dirname, '..', '..', '..');
/** The README speaks of the default port. */
const PORT = 9_000;

export const clients: Suite = {
  name: 'clients',
  summary: 'what the README shows for aws cli, rclone, s3cmd and the AWS SDK works as it is written',
  packages: [
    { name: 'awscli', program: 'aws' },
    { name: 'rclone', program: 'rclone' },
    { name: 's3cmd', program: 's3cmd' },
  ],
  run: async ({ directory, say }) => {
    const blocks = readmeBlocks(await readFile(join(repository, 'README.md'), 'utf8'));
    const expected = ['aws cli', 'rclone', 's3cmd', 'aws sdk'];
    const absent = expected.filter((name) => !blocks.has(name));
    if (absent.length > 0) throw new Error(`README.md has no block marked <!-- e2e: ${absent[0]} -->`);
    const cluster = await LocalCluster.up(join(directory, 'up'), PORT);
    try {
      for (const name of expected) {
        const { language, code } = blocks.get(name)!;
        const place = join(directory, name.replace(' ', '-'));
        await mkdir(place);
        await symlink(join(repository, 'node_modules'), join(place, 'node_modules'));
        const env = { ...cluster.env, HOME: place };
        if (language === 'js') {
          await writeFile(join(place, 'example.mjs'), code);
          await run(process.execPath, ['example.mjs'], { cwd: place, env });
        } else {
          await run('bash', ['-euo', 'pipefail', '-c', code], { cwd: place, env });
        }
        say(`${name}: ${code.trim().split('\n').length} lines of the README ran without an error`);
      }
      await runWelcome(cluster, say);
    } finally {
      await cluster.down();
    }
  },
};

async function runWelcome(cluster: LocalCluster, say: (line: string) => void): Promise<void> {
  const recipes = clientRecipes({
    endpoint: cluster.endpoint,
    region: cluster.env.AWS_REGION!,
    accessKeyId: cluster.env.AWS_ACCESS_KEY_ID!,
    secretAccessKey: cluster.env.AWS_SECRET_ACCESS_KEY!,
    dataOption: ` --data ${cluster.directory}`,
    zone: 'a',
    attached: true,
  });
  for (const { client, lines } of recipes) {
    if (client.startsWith('AWS SDK')) {
      const program = [
        "import { ListBucketsCommand, S3Client } from '@aws-sdk/client-s3';",
        ...lines,
        'const { Buckets } = await s3.send(new ListBucketsCommand({}));',
        'if (Buckets.length === 0) throw new Error("no bucket is listed");',
      ];
      await run(process.execPath, ['--input-type=module', '-e', program.join('\n')], { cwd: repository });
    } else {
      await run('bash', ['-euo', 'pipefail', '-c', lines.join('\n')], { cwd: repository });
    }
    say(`${client}: what \`ashlar up\` prints ran without an error`);
  }
}

function readmeBlocks(text: string): Map<string, { language: string; code: string }> {
  const blocks = new Map<string, { language: string; code: string }>();
  for (const match of text.matchAll(/<!-- e2e: (.+?) -->\s*```(\w+)\n([\s\S]*?)```/g)) {
    blocks.set(match[1]!, { language: match[2]!, code: match[3]! });
  }
  return blocks;
}
