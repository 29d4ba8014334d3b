// A Kubernetes testbed before anything of it runs: its addresses, who may talk to its API server, its volumes, and how images are named.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { runProgram } from '../../stacks/run-program.ts';
import { diskManifests } from '../../stacks/testbed/kubernetes/disks.ts';
import { repositoryOf } from '../../stacks/testbed/kubernetes/image-archive.ts';
import {
  ADMIN,
  ensureTokens,
  kubeletOf,
  tokensFile,
  writeKubeconfig,
} from '../../stacks/testbed/kubernetes/kubeconfig.ts';
import { type KubernetesLayout, kubernetesLayout } from '../../stacks/testbed/kubernetes/layout.ts';
import { ensurePauseArchive, PAUSE_IMAGE } from '../../stacks/testbed/kubernetes/pause-image.ts';
import { kubernetesVersion } from '../../stacks/testbed/kubernetes/programs.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-testbed-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const layoutIn = (parent: string): KubernetesLayout => {
  const layout = kubernetesLayout({ name: 'k', hostCount: 2, zoneCount: 2 });
  return { ...layout, control: { ...layout.control, directory: parent } };
};

test('every host has pods in a network of its own, and the control plane is none of the hosts', () => {
  const { hosts, control, client, apiServer } = kubernetesLayout({ name: 'k', hostCount: 3, zoneCount: 3 });
  expect(hosts.map(({ address, podNetwork }) => [address, podNetwork])).toEqual([
    ['10.77.0.11', '10.79.1.0/24'],
    ['10.77.0.12', '10.79.2.0/24'],
    ['10.77.0.13', '10.79.3.0/24'],
  ]);
  expect(apiServer).toBe('https://10.77.0.3:6443');
  const members = [control, client, ...hosts];
  expect(new Set(members.map(({ namespace }) => namespace)).size).toBe(5);
  expect(new Set(members.map(({ address }) => address)).size).toBe(5);
});

test('the sockets of its hosts are short enough for the kernel, whatever its name', () => {
  const { hosts } = kubernetesLayout({ name: 'a'.repeat(24), hostCount: 16, zoneCount: 16 });
  for (const { runtimeSocket } of hosts) expect(Buffer.byteLength(runtimeSocket)).toBeLessThan(108);
});

describe('access to the API server', () => {
  test('is by a token for each, drawn once, that nobody else can read', () => {
    const layout = layoutIn(directory);
    ensureTokens(layout);
    const first = readFileSync(tokensFile(layout), 'utf8');
    ensureTokens(layout);
    expect(readFileSync(tokensFile(layout), 'utf8')).toBe(first);
    expect(statSync(tokensFile(layout)).mode & 0o077).toBe(0);
    const lines = first.trim().split('\n');
    expect(new Set(lines.map((line) => line.split(',')[0])).size).toBe(lines.length);
    expect(lines.map((line) => line.split(',').slice(1).join())).toEqual([
      'admin,admin,"system:masters"',
      'system:kube-controller-manager,system:kube-controller-manager,""',
      'system:kube-scheduler,system:kube-scheduler,""',
      'system:kube-proxy,system:kube-proxy,""',
      'system:node:h1,system:node:h1,"system:nodes"',
      'system:node:h2,system:node:h2,"system:nodes"',
    ]);
  });

  test('comes as a kubeconfig with that token and the certificate of the server', () => {
    const layout = layoutIn(directory);
    ensureTokens(layout);
    mkdirSync(join(directory, 'certificates'));
    writeFileSync(join(directory, 'certificates', 'apiserver.crt'), 'a certificate');
    const tokenIn = (file: string) => {
      const config = parse(readFileSync(join(directory, file), 'utf8')) as {
        clusters: { cluster: Record<string, string> }[];
        users: { user: { token: string } }[];
      };
      expect(config.clusters[0]!.cluster).toEqual({
        server: 'https://127.0.0.1:1234',
        'tls-server-name': 'kubernetes.default.svc',
        'certificate-authority-data': Buffer.from('a certificate').toString('base64'),
      });
      expect(statSync(join(directory, file)).mode & 0o077).toBe(0);
      return config.users[0]!.user.token;
    };
    writeKubeconfig(layout, ADMIN, 'https://127.0.0.1:1234', join(directory, 'admin'));
    writeKubeconfig(layout, kubeletOf(layout.hosts[1]!), 'https://127.0.0.1:1234', join(directory, 'h2'));
    const tokens = readFileSync(tokensFile(layout), 'utf8');
    expect(tokens).toContain(`${tokenIn('admin')},admin,`);
    expect(tokens).toContain(`${tokenIn('h2')},system:node:h2,`);
  });
});

test('every disk of every host is a volume that only that host has, of a default class that binds late', () => {
  const [storageClass, ...volumes] = diskManifests(kubernetesLayout({ name: 'k', hostCount: 2, zoneCount: 1 }));
  expect(storageClass).toMatchObject({
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Retain',
    metadata: { annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  });
  const places = volumes.map((volume) => {
    const { local, nodeAffinity } = volume.spec as {
      local: { path: string };
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [{ values: string[] }] }] } };
    };
    return `${nodeAffinity.required.nodeSelectorTerms[0].matchExpressions[0].values.join()}${local.path}`;
  });
  expect(places).toEqual(['h1', 'h2'].flatMap((host) => [1, 2, 3, 4].map((disk) => `${host}/mnt/d${disk}`)));
});

describe('an archive of an image', () => {
  const archiveOf = async (manifest: unknown) => {
    writeFileSync(join(directory, 'manifest.json'), JSON.stringify(manifest));
    const archive = join(directory, 'image.tar');
    await runProgram('tar', ['-C', directory, '-cf', archive, 'manifest.json']);
    return archive;
  };

  test.each([
    ['ashlar:e2e', 'docker.io/library/ashlar'],
    ['somebody/ashlar:0.1.0', 'docker.io/somebody/ashlar'],
    ['registry.example.com/ashlar:0.1.0', 'registry.example.com/ashlar'],
    ['localhost:5000/a/b:1', 'localhost:5000/a/b'],
  ])('of %s is loaded as one of %s', async (tag, repository) => {
    expect(await repositoryOf(await archiveOf([{ RepoTags: [tag] }]))).toBe(repository);
  });

  test('without a name, or of several images, is refused', async () => {
    await expect(repositoryOf(await archiveOf([{ RepoTags: null }]))).rejects.toThrow('its image has no name');
    const two = [{ RepoTags: ['a:1'] }, { RepoTags: ['b:1'] }];
    await expect(repositoryOf(await archiveOf(two))).rejects.toThrow('it holds several images');
  });

  test('of what holds the namespaces of a pod has one program, and is named so that it is never looked for elsewhere', async () => {
    const program = join(directory, 'program');
    writeFileSync(program, 'machine code');
    const archive = join(directory, 'pause.tar');
    await ensurePauseArchive(program, archive);
    expect(await repositoryOf(archive)).toBe(PAUSE_IMAGE.replace(/:1$/, ''));
    await runProgram('tar', ['-C', directory, '-xf', archive]);
    const { stdout } = await runProgram('tar', ['-xOf', join(directory, 'layer.tar'), 'pause']);
    expect(stdout).toBe('machine code');
  });
});

test('its version is that of the source that it is built from', () => {
  expect(kubernetesVersion()).toMatch(/^v1\.\d+\.\d+$/);
});
