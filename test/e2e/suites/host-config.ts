// What is rendered for hosts, read by the programs that it is meant for: cloud-init and its converters, netplan, NetworkManager,
// systemd, mkfs.xfs, and what reads an ISO image. No machine is configured by it.
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describeHost, type HostDescription } from '../../../host-tuning/describe-host.ts';
import type { HostFile } from '../../../host-tuning/host-file.ts';
import { hostFiles, networkFiles } from '../../../host-tuning/host-files.ts';
import { renderHost, SEED_FILES } from '../../../host-tuning/render-host.ts';
import { readHostScripts } from '../../../host-tuning/scripts.ts';
import { seedIso } from '../../../host-tuning/seed-iso.ts';
import { unitNames } from '../../../host-tuning/units.ts';
import { parseClusterSpec } from '../../../spec/cluster-spec.ts';
import { UnpackedPrograms } from '../host-tuning/unpacked-programs.ts';
import { run } from '../programs.ts';
import type { Suite, SuiteContext } from '../suite.ts';

const SPEC = 'examples/bare-metal.yaml';
/** One that cloud-init configures, and one with files of its own. */
const HOSTS = ['a1', 'c1'];
/** What a bond must come out with, in the words of each format. */
const BOND_IN = {
  eni: ['bond-lacp-rate fast', 'bond-miimon 100', 'bond-min-links 1', 'bond-xmit-hash-policy layer3+4', 'mtu 9000'],
  networkd: [
    'LACPTransmitRate=fast',
    'MIIMonitorSec=100ms',
    'MinLinks=1',
    'TransmitHashPolicy=layer3+4',
    'MTUBytes=9000',
  ],
  sysconfig: ['lacp_rate=fast', 'miimon=100', 'min_links=1', 'xmit_hash_policy=layer3+4', 'MTU=9000'],
  'network-manager': ['lacp_rate=fast', 'miimon=100', 'min_links=1', 'xmit_hash_policy=layer3+4', 'mtu=9000'],
} as const;

export const hostConfig: Suite = {
  name: 'host-config',
  summary: 'cloud-init, netplan, NetworkManager, systemd and mkfs.xfs take what is rendered for hosts',
  notInCi: 'it is new, and downloads 30 packages',
  packages: [
    { name: 'shellcheck', program: 'shellcheck' },
    { name: 'genisoimage', program: 'isoinfo' },
    { name: 'xfsprogs', program: 'mkfs.xfs' },
  ],
  obstacle: async () => {
    const release = readFileSync('/etc/os-release', 'utf8');
    return release.includes('VERSION_ID="12"') ? null : 'the unpacked programs are those of Debian 12';
  },
  async run(context) {
    const programs = await UnpackedPrograms.download(context.directory);
    context.say(`cloud-init ${await programs.cloudInitVersion()}`);
    for (const description of descriptions()) {
      const directory = join(context.directory, description.host.name);
      const files = writeHost(directory, description);
      await programs.cloudInit(['schema', '--config-file', join(directory, 'user-data')]);
      await run('shellcheck', ['-s', 'sh', ...scriptsIn(directory, files)]);
      await checkImage(directory);
      await checkUnits(directory, description);
      if (description.host.networkRenderer === 'cloud-init') await checkConverters(programs, directory, context);
      else await checkKeyfiles(programs, directory, files);
      context.say(`${description.host.name} (${description.host.system}): schema, scripts, image, units and network`);
    }
    await checkFileSystem(context);
  },
};

function descriptions(): HostDescription[] {
  const result = parseClusterSpec(readFileSync(SPEC, 'utf8'), SPEC);
  assert(result.ok, 'the example is no spec');
  const { spec } = result;
  return HOSTS.map((name) => describeHost(spec, name));
}

/** The seed, and under root/ what it puts on the host. */
function writeHost(directory: string, description: HostDescription): readonly HostFile[] {
  const scripts = readHostScripts();
  const rendered = renderHost(description, scripts);
  mkdirSync(directory, { recursive: true });
  for (const [name, text] of rendered) writeFileSync(join(directory, name), text);
  writeFileSync(join(directory, 'seed.iso'), seedIso(new Map(SEED_FILES.map((name) => [name, rendered.get(name)!]))));
  const files = [...hostFiles(description, scripts), ...networkFiles(description.host)];
  for (const { path, text, mode } of files) {
    mkdirSync(dirname(join(directory, 'root', path)), { recursive: true });
    writeFileSync(join(directory, 'root', path), text, { mode: Number.parseInt(mode, 8) });
  }
  return files;
}

function scriptsIn(directory: string, files: readonly HostFile[]): string[] {
  const own = files.filter(({ mode }) => mode === '0755').map(({ path }) => join(directory, 'root', path));
  return [...own, join(directory, 'apply.sh'), join(directory, 'doctor.sh')];
}

async function checkImage(directory: string): Promise<void> {
  const image = join(directory, 'seed.iso');
  assert.match((await run('isoinfo', ['-d', '-i', image])).stdout, /^Volume id: cidata$/m);
  for (const name of SEED_FILES) {
    const { stdout } = await run('isoinfo', ['-J', '-x', `/${name}`, '-i', image]);
    assert.equal(stdout, readFileSync(join(directory, name), 'utf8'), `${name} in the image`);
  }
}

/** systemd's own look at the units, all enabled: no circle, nothing that it does not know. */
async function checkUnits(directory: string, description: HostDescription): Promise<void> {
  const root = join(directory, 'root');
  const units = join(root, 'etc/systemd/system');
  mkdirSync(join(root, 'usr/lib/systemd'), { recursive: true });
  mkdirSync(join(root, 'bin'), { recursive: true });
  cpSync('/usr/lib/systemd/system', join(root, 'usr/lib/systemd/system'), { recursive: true, verbatimSymlinks: true });
  mkdirSync(join(root, 'lib'), { recursive: true });
  await run('ln', ['-sfn', '../usr/lib/systemd', join(root, 'lib/systemd')]);
  copyFileSync('/bin/sh', join(root, 'bin/sh'));
  const engine = '[Service]\nExecStart=/bin/sh\n[Install]\nWantedBy=multi-user.target\n';
  writeFileSync(join(units, 'docker.service'), engine);
  await run('systemctl', [`--root=${root}`, 'enable', 'docker.service', ...unitNames(description)]);
  const verified = await run('systemd-analyze', ['verify', `--root=${root}`, 'multi-user.target'], {
    mustSucceed: false,
  });
  const ours = verified.stderr.split('\n').filter((line) => /cycle|ashlar|mnt-|docker/.test(line));
  assert.deepEqual(ours, []);
}

async function checkConverters(programs: UnpackedPrograms, directory: string, { say }: SuiteContext): Promise<void> {
  const source = join(directory, 'network-config');
  const converted = async (renderer: string, distribution = 'debian') => {
    const out = join(directory, 'converted', renderer);
    mkdirSync(out, { recursive: true });
    await programs.cloudInit([
      'devel',
      'net-convert',
      '-p',
      source,
      '-k',
      'yaml',
      '-d',
      out,
      '-D',
      distribution,
      '-O',
      renderer,
    ]);
    return (await run('sh', ['-c', `find '${out}' -type f -exec cat {} +`])).stdout;
  };
  mustSay(await converted('eni'), BOND_IN.eni, 'eni');
  // What cloud-init gives to netplan, through netplan, for systemd-networkd.
  await converted('netplan');
  const netplan = join(directory, 'converted/netplan');
  await programs.netplanGenerate(netplan);
  const generated = (await run('sh', ['-c', `cat '${netplan}'/run/systemd/network/*`])).stdout;
  mustSay(generated, BOND_IN.networkd, 'netplan');
  // For Red Hat only: elsewhere it ends with an AttributeError, because it has no templates for routes there. The bond is right, and
  // nobody would configure it: NetworkManager is told not to, and the scripts that are meant to are gone from version 9.
  mustSay(await converted('sysconfig', 'rhel'), [...BOND_IN.sysconfig, 'NM_CONTROLLED=no'], 'sysconfig');
  // Those that lose something are why native files exist; should they learn it, the documentation is to change.
  for (const renderer of ['networkd', 'network-manager'] as const) {
    const text = await converted(renderer);
    const lost = BOND_IN[renderer].filter((word) => !text.includes(word));
    say(`converter ${renderer} loses: ${lost.join(', ') || 'nothing any more'}`);
  }
}

async function checkKeyfiles(programs: UnpackedPrograms, directory: string, files: readonly HostFile[]): Promise<void> {
  const keyfiles = files.filter(({ path }) => path.endsWith('.nmconnection'));
  assert(keyfiles.length > 0);
  const understood = [];
  for (const { path } of keyfiles) understood.push(await programs.readKeyfile(join(directory, 'root', path)));
  mustSay(understood.join('\n'), BOND_IN['network-manager'], 'NetworkManager');
}

/** The formatter's own call of mkfs.xfs, on a file. */
async function checkFileSystem({ directory, say }: SuiteContext): Promise<void> {
  const image = join(directory, 'drive.img');
  const prototype = join(directory, 'prototype');
  writeFileSync(image, '');
  truncateSync(image, 2 * 2 ** 30);
  const drive = descriptions()[0]!.drives[0]!;
  const call = /^ {2}(mkfs\.xfs .*)$/m.exec(readHostScripts().drives)?.[1];
  const line = /^ {2}(printf .*) >"\$prototype"$/m.exec(readHostScripts().drives)?.[1];
  assert(call !== undefined && line !== undefined, 'the formatter calls mkfs.xfs in another way');
  const script = `set -e\nprototype='${prototype}'\n${line} >"$prototype"\n${call}`;
  await run('sh', ['-c', script, 'format', image, drive.uuid, drive.label, '10001']);
  const { stdout } = await run('blkid', ['-p', '-o', 'export', image]);
  mustSay(stdout, [`UUID=${drive.uuid}`, `LABEL=${drive.label}`, 'TYPE=xfs'], 'blkid');
  const root = (await run('xfs_db', ['-r', '-c', 'sb 0', '-c', 'addr rootino', '-c', 'p core.uid core.mode', image]))
    .stdout;
  mustSay(root, ['core.uid = 10001', 'core.mode = 040750'], 'the root of the file system');
  say('mkfs.xfs takes the UUID, the label and the owner of the root');
}

function mustSay(text: string, words: readonly string[], who: string): void {
  for (const word of words) assert(text.includes(word), `${who} does not say ${word}:\n${text}`);
}
