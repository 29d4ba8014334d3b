// The storage node on the guest: its program as the image has it, on a disk that the guest mounts at /opt/ashlar, run by the guest's
// own Docker on the drives that the host has mounted; and an S3 client on the other side of the switch.
import { cpSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RUNTIME_ENVIRONMENT, RUNTIME_FLAGS } from '../../../node/runtime-settings.ts';
import { layOutContext } from '../../../stacks/image/context.ts';
import { packageRoot } from '../../../stacks/local/program-files.ts';
import { run } from '../programs.ts';
import { ADDRESS, type DriveName, HOST, MOUNT_POINTS } from './rack-spec.ts';
import type { ClientOrder } from './s3-client.ts';
import type { StorageHost } from './storage-host.ts';

const DISK_BYTES = 256 * 2 ** 20;
const PROGRAM = '/opt/ashlar';
const CLIENT_FILES = ['host/s3-client.ts', 'traffic/s3-connection.ts', 'traffic/bodies.ts'];
const PORT = 9000;
const CREDENTIALS = { accessKeyId: 'rackroot', secretAccessKey: 'rack-password' };
const SECRET = 'a-secret-of-the-rack';
export const CONTAINER = 'storage';
const DATA_DRIVES: readonly DriveName[] = ['d1', 'd2', 'd3'];

/** Writes the disk with the programs into the file. directory: empty; for files on the way. */
export async function makeProgramDisk(file: string, directory: string): Promise<void> {
  const root = join(directory, 'root');
  const context = join(directory, 'context');
  mkdirSync(join(root, 'bin'), { recursive: true });
  await layOutContext({ repository: packageRoot(), directory: context, architecture: process.arch });
  cpSync(join(context, 'app'), join(root, 'app'), { recursive: true });
  cpSync(join(packageRoot(), 'node_modules', 'node', 'bin', 'node'), join(root, 'bin', 'node'));
  for (const name of CLIENT_FILES) {
    mkdirSync(dirname(join(root, 'e2e', name)), { recursive: true });
    cpSync(join(packageRoot(), 'test', 'e2e', name), join(root, 'e2e', name));
  }
  writeFileSync(join(root, 'e2e', 'package.json'), '{"type": "module"}\n');
  writeFileSync(file, '');
  truncateSync(file, DISK_BYTES);
  // By this label the guest mounts it.
  await run('mke2fs', ['-q', '-t', 'ext4', '-O', '^has_journal', '-L', 'programs', '-d', root, file]);
  rmSync(directory, { recursive: true });
}

/** Starts it for good: Docker brings it back after a reboot. */
export async function startStorageNode(host: StorageHost): Promise<void> {
  // Nothing but mount points: the libraries are those of the guest, the programs those of the disk.
  const directories = ['etc', 'mnt/nvme/wal', 'opt/ashlar', 'proc', 'sys', 'dev', 'tmp', 'usr'];
  const links = ['bin', 'lib', 'lib64', 'sbin'].map((name) => `ln -s usr/${name} ${name}`);
  const mounts = DATA_DRIVES.map((name) => `.${MOUNT_POINTS[name]}`);
  await host.ssh(
    [
      'set -e; scaffold=$(mktemp -d); cd $scaffold',
      `mkdir -p ${[...directories, ...mounts].join(' ')}`,
      ...links,
      'tar -c . | sudo docker import - scaffold',
    ].join('; '),
  );
  const shared = [
    ...['/usr:/usr:ro', `${PROGRAM}:${PROGRAM}:ro`],
    ...Object.values(MOUNT_POINTS).map((path) => `${path}:${path}`),
  ];
  const settings = {
    ...RUNTIME_ENVIRONMENT,
    ASHLAR_NAME: HOST,
    ASHLAR_ZONE: 'a',
    ASHLAR_SCHEME: '2+1',
    ASHLAR_WAL: MOUNT_POINTS.wal,
    ASHLAR_LISTEN: `${ADDRESS}:${PORT}`,
    ASHLAR_CLUSTER_SECRET: SECRET,
    ASHLAR_ROOT_USER: CREDENTIALS.accessKeyId,
    ASHLAR_ROOT_PASSWORD: CREDENTIALS.secretAccessKey,
  };
  await host.ssh(
    [
      `sudo docker run --detach --name ${CONTAINER} --restart unless-stopped --network host --read-only --tmpfs /tmp`,
      '--user 10001:10001',
      ...shared.map((volume) => `--volume ${volume}`),
      ...Object.entries(settings).map(([name, value]) => `--env ${name}=${value}`),
      `--entrypoint ${PROGRAM}/bin/node scaffold ${RUNTIME_FLAGS.join(' ')} ${PROGRAM}/app/node/main.js server`,
      ...DATA_DRIVES.map((name) => `http://${ADDRESS}:${PORT}${MOUNT_POINTS[name]}`),
    ].join(' '),
  );
}

/** Until it serves, asked from the other side of the switch. */
export async function untilReady(host: StorageHost): Promise<void> {
  const ask = `sudo ip netns exec rack ${PROGRAM}/bin/node -e "fetch('http://${ADDRESS}:${PORT}/_ashlar/health/ready').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"`;
  const answer = await host.try(`for turn in $(seq 60); do ${ask} && exit 0; sleep 1; done; exit 1`);
  if (answer.exitCode === 0) return;
  const log = await host.try(`sudo docker logs --tail 20 ${CONTAINER} 2>&1`);
  throw new Error(`the storage node is not ready: ${log.stdout}`);
}

/** From the namespace on the other side of the switch; there is no other way to the node than the bond. */
export async function runClient(
  host: StorageHost,
  order: Pick<ClientOrder, 'work' | 'batch' | 'sizesBytes'>,
): Promise<void> {
  const whole: ClientOrder = { ...order, endpoint: `http://${ADDRESS}:${PORT}`, credentials: CREDENTIALS };
  const words = `'${JSON.stringify(whole)}'`;
  await host.ssh(`sudo ip netns exec rack ${PROGRAM}/bin/node ${PROGRAM}/e2e/host/s3-client.ts ${words}`);
}
