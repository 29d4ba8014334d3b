// The image of what holds the namespaces of a pod, as an archive that containerd imports: one program, nothing else.
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { runProgram } from '../../run-program.ts';

/** Of a name that no registry answers to, and so never looked for at one. */
export const PAUSE_IMAGE = 'testbed.invalid/pause:1';

/** program: statically linked. */
export async function ensurePauseArchive(program: string, archive: string): Promise<void> {
  if (existsSync(archive)) return;
  mkdirSync(dirname(archive), { recursive: true });
  const directory = mkdtempSync(`${archive}-`);
  try {
    const root = join(directory, 'root');
    mkdirSync(root);
    copyFileSync(program, join(root, 'pause'));
    const image = join(directory, 'image');
    mkdirSync(image);
    await runProgram('tar', ['-C', root, '--owner=0', '--group=0', '-cf', join(image, 'layer.tar'), 'pause']);
    const layer = createHash('sha256')
      .update(readFileSync(join(image, 'layer.tar')))
      .digest('hex');
    const config = {
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config: { Entrypoint: ['/pause'], User: '65535:65535' },
      rootfs: { type: 'layers', diff_ids: [`sha256:${layer}`] },
    };
    writeFileSync(join(image, 'config.json'), JSON.stringify(config));
    const manifest = [{ Config: 'config.json', RepoTags: [PAUSE_IMAGE], Layers: ['layer.tar'] }];
    writeFileSync(join(image, 'manifest.json'), JSON.stringify(manifest));
    const built = join(directory, 'archive.tar');
    await runProgram('tar', ['-C', image, '-cf', built, 'manifest.json', 'config.json', 'layer.tar']);
    renameSync(built, archive);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
