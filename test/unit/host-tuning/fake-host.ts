// A host for the scripts of host tuning: a temporary directory that stands for "/", with the files of /proc and /sys that they read,
// and programs of our own first on PATH that answer from files and write down how they were called.
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

export interface ScriptResult {
  readonly exitCode: number;
  readonly lines: readonly string[];
  readonly stderr: string;
}

/** Columns of lsblk; children are what lies on it. */
export interface FakeDrive {
  readonly name: string;
  readonly serial: string;
  readonly wwn?: string;
  readonly type?: string;
  readonly readOnly?: boolean;
  readonly children?: readonly string[];
}

const DRIVE_BYTES = 2 * 2 ** 30;

const PROGRAMS: Readonly<Record<string, string>> = {
  lsblk: `
columns= nodeps=0 pairs=0 device=
while [ $# -gt 0 ]; do
  case $1 in --output) columns=$2; shift ;; --nodeps) nodeps=1 ;; --pairs) pairs=1 ;; --*) ;; *) device=$1 ;; esac
  shift
done
awk -F '\\t' -v columns="$columns" -v nodeps="$nodeps" -v pairs="$pairs" -v device="$device" '
  BEGIN { at["NAME"] = 1; at["TYPE"] = 2; at["RO"] = 3; at["SERIAL"] = 4; at["WWN"] = 5; count = split(columns, column, ",") }
  device == "" || $1 == device {
    line = ""
    for (i = 1; i <= count; i++) {
      value = $at[column[i]]
      line = line (i > 1 ? " " : "") (pairs ? column[i] "=\\"" value "\\"" : value)
    }
    print line
    if (!nodeps && $6 != "") { kids = split($6, child, ","); for (i = 1; i <= kids; i++) print "|-" child[i] }
  }' "$state/drives"`,
  blkid: `
for device; do :; done
cat "$state/blkid-\${device##*/}" 2>/dev/null && exit 0
exit "$(cat "$state/blkid-code-\${device##*/}" 2>/dev/null || echo 2)"`,
  wipefs: 'for device; do :; done\ncat "$state/wipefs-$(basename "$device")" 2>/dev/null; exit 0',
  blockdev: 'cat "$state/size-$(basename "$2")" 2>/dev/null || cat "$state/size"',
  'mkfs.xfs': `
for device; do :; done
previous=
for word; do
  case $previous in -p) cat "$word" >"$state/prototype" ;; -m) uuid=\${word#uuid=} ;; esac
  previous=$word
done
if [ -e "$state/mkfs-fails" ]; then exit 1; fi
printf 'DEVNAME=%s\\nUUID=%s\\nTYPE=xfs\\n' "$device" "$uuid" >"$state/blkid-\${device##*/}"`,
  chattr: 'if [ -e "$state/chattr-fails" ]; then exit 1; fi; printf "%s\\n" "$2" >>"$state/immutable"',
  lsattr:
    'if grep -qxF "$2" "$state/immutable" 2>/dev/null; then echo "----i--------- $2"; else echo "-------------- $2"; fi',
  udevadm: 'exit 0',
};

export class FakeHost {
  readonly root = mkdtempSync(join(tmpdir(), 'ashlar-host-'));
  readonly #state = join(this.root, '.state');
  readonly #bin = join(this.root, '.bin');

  constructor() {
    mkdirSync(this.#state);
    mkdirSync(this.#bin);
    for (const [name, body] of Object.entries(PROGRAMS)) this.program(name, body);
    this.state('drives', '');
    this.state('size', `${DRIVE_BYTES}\n`);
    this.write('/proc/swaps', 'Filename\tType\tSize\tUsed\tPriority\n');
    this.write('/proc/self/mountinfo', '21 1 8:1 / / rw - ext4 /dev/sda1 rw\n');
    this.memory(16 * 2 ** 20);
    this.write('/proc/cpuinfo', 'processor\t: 0\nprocessor\t: 1\nprocessor\t: 2\nprocessor\t: 3\n');
  }

  /** A program that logs its call and then does this; $state is a directory that the test writes to. */
  program(name: string, body: string): void {
    const path = join(this.#bin, name);
    writeFileSync(path, `#!/bin/sh\nstate='${this.#state}'\nprintf '%s\\n' "${name} $*" >>"$state/calls"\n${body}\n`);
    chmodSync(path, 0o755);
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    writeFileSync(this.path(path), text);
  }

  link(path: string, target: string): void {
    mkdirSync(dirname(this.path(path)), { recursive: true });
    rmSync(this.path(path), { force: true });
    symlinkSync(target, this.path(path));
  }

  /** Mounted there from now on; null: no more. */
  mount(source: string | null, directory: string, options = 'rw,noatime', type = 'xfs'): void {
    const others = this.read('/proc/self/mountinfo')
      .split('\n')
      .filter((line) => line.split(' ')[4] !== directory);
    const own =
      source === null ? [] : [`40 21 259:0 / ${directory} ${options} shared:1 - ${type} ${this.path(source)} rw`];
    this.write('/proc/self/mountinfo', [...others.slice(0, -1), ...own, ''].join('\n'));
  }

  delete(path: string): void {
    rmSync(this.path(path), { recursive: true });
  }

  path(path: string): string {
    return join(this.root, path);
  }

  read(path: string): string {
    return readFileSync(this.path(path), 'utf8');
  }

  state(name: string, text: string): void {
    writeFileSync(join(this.#state, name), text);
  }

  stateOf(name: string): string | null {
    const path = join(this.#state, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : null;
  }

  memory(kilobytes: number): void {
    this.write('/proc/meminfo', `MemTotal:       ${kilobytes} kB\nMemFree:         1000 kB\n`);
  }

  /** A blank drive, as a sparse file. */
  drive({ name, serial, wwn = '', type = 'disk', readOnly = false, children = [] }: FakeDrive): void {
    const device = this.path(`/dev/${name}`);
    if (!existsSync(device)) {
      this.write(`/dev/${name}`, '');
      truncateSync(device, DRIVE_BYTES);
    }
    mkdirSync(this.path(`/sys/class/block/${name}/holders`), { recursive: true });
    const fields = [device, type, readOnly ? '1' : '0', serial, wwn, children.join(',')];
    appendFileSync(join(this.#state, 'drives'), `${fields.join('\t')}\n`);
  }

  /** Arguments of every call of a program so far. */
  calls(program: string): string[] {
    return (this.stateOf('calls') ?? '')
      .split('\n')
      .filter((line) => line.startsWith(`${program} `))
      .map((line) => line.slice(program.length + 1));
  }

  /** text: of the script; its arguments. Runs under the sh of this machine. */
  run(text: string, args: readonly string[]): ScriptResult {
    this.write('/.script', text);
    const { status, stdout, stderr } = spawnSync('sh', [this.path('/.script'), ...args], {
      encoding: 'utf8',
      env: { PATH: `${this.#bin}:${process.env.PATH}`, LC_ALL: 'C' },
    });
    return { exitCode: status ?? -1, lines: stdout.split('\n').filter((line) => line !== ''), stderr };
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }
}
