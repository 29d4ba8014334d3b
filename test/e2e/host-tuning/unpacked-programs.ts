// Programs of Debian that must not be installed here, because installing them configures the machine: cloud-init, netplan and
// NetworkManager, downloaded and unpacked into a directory, and run from there.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type ProgramResult, run } from '../programs.ts';

const PACKAGES = [
  ...['cloud-init', 'netplan.io', 'libnetplan0', 'network-manager', 'libnm0', 'libndp0', 'libteamdctl0', 'libmm-glib0'],
  ...[
    'libbluetooth3',
    'libjansson4',
    'libpsl5',
    'libnghttp2-14',
    'libcurl3-gnutls',
    'libreadline8',
    'libnss3',
    'libnspr4',
  ],
  ...['libglib2.0-0', 'libpolkit-agent-1-0', 'libpolkit-gobject-1-0', 'libyaml-0-2'],
  ...['python3-yaml', 'python3-jinja2', 'python3-markupsafe', 'python3-configobj', 'python3-six', 'python3-requests'],
  ...['python3-urllib3', 'python3-certifi', 'python3-idna', 'python3-chardet', 'python3-charset-normalizer'],
  ...['python3-oauthlib', 'python3-jsonpatch', 'python3-json-pointer', 'python3-jsonschema', 'python3-attr'],
  ...['python3-pyrsistent', 'python3-netifaces', 'python3-serial'],
];

export class UnpackedPrograms {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  static async download(directory: string): Promise<UnpackedPrograms> {
    const packages = join(directory, 'packages');
    const root = join(directory, 'root');
    mkdirSync(packages, { recursive: true });
    await run('apt-get', ['download', '-qq', ...PACKAGES], { cwd: packages });
    await run('sh', ['-c', `for package in *.deb; do dpkg -x "$package" '${root}'; done`], { cwd: packages });
    return new UnpackedPrograms(root);
  }

  cloudInit(args: readonly string[], mustSucceed = true): Promise<ProgramResult> {
    const modules = join(this.#root, 'usr/lib/python3/dist-packages');
    return run('python3', ['-m', 'cloudinit.cmd.main', ...args], { env: { PYTHONPATH: modules }, mustSucceed });
  }

  async cloudInitVersion(): Promise<string> {
    return (await this.cloudInit(['--version'])).stdout.trim().split(' ').at(-1) ?? '';
  }

  /** Reads etc/netplan below the directory, and writes run/systemd/network there. */
  netplanGenerate(directory: string): Promise<ProgramResult> {
    return run(join(this.#root, 'usr/libexec/netplan/generate'), ['--root-dir', directory], this.#libraries());
  }

  /** Reads a keyfile and prints it as NetworkManager understood it. */
  async readKeyfile(path: string): Promise<string> {
    const nmcli = join(this.#root, 'usr/bin/nmcli');
    const result = await run('sh', ['-c', `'${nmcli}' --offline connection modify <'${path}'`], this.#libraries());
    return result.stdout;
  }

  #libraries(): { readonly env: Readonly<Record<string, string>> } {
    const triplet = process.arch === 'arm64' ? 'aarch64-linux-gnu' : 'x86_64-linux-gnu';
    const paths = [`usr/lib/${triplet}`, `lib/${triplet}`].map((path) => join(this.#root, path));
    return { env: { LD_LIBRARY_PATH: paths.join(':') } };
  }
}
