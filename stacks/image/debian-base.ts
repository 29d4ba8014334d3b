// A base image for machines that reach no image registry: the C and C++ libraries from Debian's packages, and the Node of this
// repository, which came from npm. No shell, no package manager; some 140 MB, nearly all of it Node.
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Docker } from '../docker.ts';
import { runProgram } from '../run-program.ts';
import { ImageError } from './errors.ts';

export interface DebianBaseProps {
  readonly docker: Docker;
  /** Root of a checkout with its packages installed. */
  readonly repository: string;
  /** Of the engine. */
  readonly architecture: string;
  /** Empty; for files on the way. */
  readonly directory: string;
  readonly tag: string;
}

/** Zones for dates in logs; certificates are in Node itself. base-files: /etc/os-release, by which scanners know a Debian. */
const PACKAGES = ['base-files', 'libc6', 'libgcc-s1', 'gcc-12-base', 'libstdc++6', 'tzdata'];
/** Of no use without a shell or a terminal, and half of the libraries' size. Copyrights stay. */
const NEEDLESS = ['usr/share/man', 'usr/share/locale', 'usr/share/lintian', 'usr/share/zoneinfo/right'];
const ETC_FILES: Readonly<Record<string, string>> = {
  passwd: 'root:x:0:0:root:/root:/sbin/nologin\nashlar:x:10001:10001:ashlar:/:/sbin/nologin\n',
  group: 'root:x:0:\nashlar:x:10001:\n',
  'nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

/** Makes the image `tag`. Rejects with ImageError or ProgramError. */
export async function makeDebianBase(props: DebianBaseProps): Promise<void> {
  const node = join(props.repository, 'node_modules', 'node', 'bin', 'node');
  if (process.platform !== 'linux' || process.arch !== props.architecture || !existsSync(node)) {
    const here = `${process.platform} on ${process.arch}`;
    const message = `the base from Debian packages is made on a Debian of the engine's kind (${props.architecture}); this is ${here}`;
    throw new ImageError('input', `${message}; name an image with --base instead`);
  }
  const root = join(props.directory, 'root');
  await unpackPackages(join(props.directory, 'packages'), root);
  mkdirSync(join(root, 'usr', 'local', 'bin'), { recursive: true });
  cpSync(node, join(root, 'usr', 'local', 'bin', 'node'));
  for (const [name, text] of Object.entries(ETC_FILES)) writeFileSync(join(root, 'etc', name), text);
  for (const path of NEEDLESS) rmSync(join(root, path), { recursive: true, force: true });
  for (const library of readdirSync(join(root, 'usr', 'lib'))) {
    rmSync(join(root, 'usr', 'lib', library, 'gconv'), { recursive: true, force: true });
  }
  mkdirSync(join(root, 'tmp'), { recursive: true });
  chmodSync(join(root, 'tmp'), 0o1777);
  await importTree(props, root);
}

/** apt-get checks the signatures of what it downloads. */
async function unpackPackages(directory: string, root: string): Promise<void> {
  mkdirSync(directory, { recursive: true });
  mkdirSync(root, { recursive: true });
  // As Debian lays out its systems; the packages' own /lib and /usr/lib then come together.
  for (const name of ['bin', 'sbin', 'lib', 'lib64']) {
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(`usr/${name}`, join(root, name));
  }
  await runProgram('apt-get', ['download', '-q', ...PACKAGES], { cwd: directory });
  for (const file of readdirSync(directory)) {
    // Through tar, which follows the links above instead of replacing them.
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink --no-same-owner -C "$2"';
    await runProgram('sh', ['-c', unpack, 'sh', join(directory, file), root]);
  }
}

async function importTree({ docker, directory, tag }: DebianBaseProps, root: string): Promise<void> {
  const tarball = join(directory, 'base.tar');
  const same = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner'];
  await runProgram('tar', ['-C', root, ...same, '-cf', tarball, '.']);
  const change = 'ENV PATH=/usr/local/bin:/usr/bin:/bin';
  await docker.run(['import', '--change', change, '--message', 'Debian libraries and Node', tarball, tag]);
}
