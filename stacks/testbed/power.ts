// One host of a testbed: namespaces with the programs of a host in them. Turned off as by its power switch, and on again with the disks
// that it had.
import { chownSync, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  isAlive,
  type ProcessRecord,
  readRecord,
  removeRecord,
  signalProcess,
  startProcess,
  waitUntilGone,
} from '../local/processes.ts';
import { TestbedError } from './errors.ts';
import type { HostLayout, TestbedLayout } from './layout.ts';
import { ensureCable, inNamespace, removeCable } from './network.ts';

const INIT = fileURLToPath(new URL('host-init.sh', import.meta.url));
const START_TIMEOUT_MS = 120_000;
const POWER_OFF_TIMEOUT_MS = 20_000;
const POLL_MS = 50;
const LOG_LINES_SHOWN = 8;
/** The same whoever starts it, and from which shell. */
export const HOST_ENVIRONMENT = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' };
const CGROUP_ROOT = '/sys/fs/cgroup';
/** Drives that exist on every host from the start, owned by the user of the image (node/image/Dockerfile). */
export const DISK_NAMES = ['d1', 'd2', 'd3', 'd4'];
const IMAGE_UID = 10_001;

const recordFile = ({ directory }: HostLayout) => join(directory, 'host.json');
/** What the programs of the host have said. */
export const hostLog = ({ directory }: HostLayout) => join(directory, 'engine.log');

export function isOn(host: HostLayout): boolean {
  return isAlive(readRecord(recordFile(host)));
}

/**
 * command: what runs in the host, and is the host: when it ends, so does everything there. Resolves when isReady says so; at once
 * when the host is on already.
 */
export async function turnOn<Host extends HostLayout>(
  layout: TestbedLayout<Host>,
  host: Host,
  command: readonly string[],
  isReady: (host: Host) => Promise<boolean>,
): Promise<void> {
  if (!isOn(host)) {
    mkdirSync(host.directory, { recursive: true });
    makeDisks(host);
    await ensureCable(layout, host);
    const [program, ...enter] = inNamespace(host.namespace);
    const namespaces = ['--mount', '--uts', '--ipc', '--pid', '--fork', '--kill-child=KILL'];
    const init = ['sh', INIT, host.name, host.disks, ...command];
    startProcess({
      program: program!,
      arguments: [...enter, 'unshare', ...namespaces, ...init],
      environment: HOST_ENVIRONMENT,
      workingDirectory: '/',
      logFile: hostLog(host),
      recordFile: recordFile(host),
    });
  }
  const endMs = performance.now() + START_TIMEOUT_MS;
  while (!(await isReady(host))) {
    const why = isOn(host) ? `did not answer within ${START_TIMEOUT_MS / 1_000} s` : 'ended while it was starting';
    if (performance.now() > endMs || !isOn(host)) {
      throw new TestbedError('failure', `host ${host.name} ${why}${lastLines(hostLog(host))}`);
    }
    await delay(POLL_MS);
  }
}

/** As by its power switch: nothing in it gets to say goodbye, and its cable is dead. */
export async function turnOff(layout: TestbedLayout, host: HostLayout): Promise<void> {
  const record = readRecord(recordFile(host));
  if (isAlive(record)) await powerOff(host, record);
  removeRecord(recordFile(host));
  await removeCable(layout, host);
}

/** The empty control groups of engines that were turned off without notice. group: as in the layout. */
export function removeCgroups(group: string): void {
  // Version 2 has the groups themselves here, version 1 has one directory for each controller.
  const controllers = readdirSync(CGROUP_ROOT, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const root of [CGROUP_ROOT, ...controllers.map(({ name }) => join(CGROUP_ROOT, name))]) {
    removeGroupTree(join(root, group));
    removeGroup(join(root, dirname(group)));
  }
}

function makeDisks({ disks }: HostLayout): void {
  for (const name of DISK_NAMES) {
    mkdirSync(join(disks, name), { recursive: true });
    chownSync(join(disks, name), IMAGE_UID, IMAGE_UID);
  }
}

/**
 * Ends process 1 of its namespace, and with it every other, before `unshare`, which waits for it, ends: so that nothing of the
 * host is left when this resolves.
 */
async function powerOff(host: HostLayout, record: ProcessRecord): Promise<void> {
  for (const child of childrenOf(record.pid)) process.kill(child, 'SIGKILL');
  if (await waitUntilGone(record, POWER_OFF_TIMEOUT_MS / 2)) return;
  signalProcess(record, 'SIGKILL');
  if (await waitUntilGone(record, POWER_OFF_TIMEOUT_MS / 2)) return;
  throw new TestbedError('failure', `host ${host.name} (process ${record.pid}) does not go away`);
}

function childrenOf(pid: number): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
    return text
      .split(' ')
      .filter((word) => word.trim() !== '')
      .map(Number);
  } catch {
    return [];
  }
}

function removeGroupTree(directory: string): void {
  if (!existsSync(directory)) return;
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    if (entry.isDirectory()) removeGroupTree(join(directory, entry.name));
  }
  removeGroup(directory);
}

function removeGroup(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // It is not there, or another testbed is in it.
  }
}

export function lastLines(file: string): string {
  try {
    const lines = readFileSync(file, 'utf8').trim().split('\n').slice(-LOG_LINES_SHOWN);
    return `. The last lines of ${file}:\n${lines.map((line) => `  ${line}`).join('\n')}`;
  } catch {
    return '';
  }
}
