import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Plan } from '../../plan/plan.ts';
import type { ClusterSecrets } from '../../stacks/secret-files.ts';
import { swarmApp } from '../../stacks/swarm/app.ts';
import { describeSwarm } from '../../stacks/swarm/describe.ts';
import type { SwarmSettings } from '../../stacks/swarm/settings.ts';
import { renderStackFile } from '../../stacks/swarm/stack-file.ts';
import { IMAGE, planOf, SECRETS, SIX_NODES, settingsOf } from '../support/swarm-specs.ts';

const example = (name: string) => readFileSync(join(import.meta.dirname, '..', '..', name), 'utf8');
const external = (name: string, digit: string) => ({ name, id: digit.repeat(25) });

interface Case {
  readonly plan: Plan;
  readonly settings: SwarmSettings;
  readonly secrets: ClusterSecrets | null;
}

const CASES: Readonly<Record<string, Case>> = {
  default: { plan: planOf(example('cluster.yaml')), settings: settingsOf(), secrets: SECRETS },
  'six-nodes': {
    plan: planOf(SIX_NODES),
    settings: settingsOf({
      network: { mode: 'overlay', subnet: '10.90.0.0/23', linkMtu: 9000 },
      resources: { memoryLimit: '8GiB', memoryReservation: '2GiB', cpuLimit: 4 },
      environment: { ASHLAR_LOG_LEVEL: 'warn' },
    }),
    secrets: SECRETS,
  },
  'host-network': {
    plan: planOf(example('examples/bare-metal.yaml')),
    settings: settingsOf({ network: { mode: 'host' } }),
    secrets: SECRETS,
  },
  'external-secrets': {
    plan: planOf(SIX_NODES),
    settings: settingsOf({
      secrets: {
        kind: 'external',
        clusterSecret: external('six-secret', 'a'),
        rootUser: external('six-user', 'b'),
        rootPassword: external('six-password', 'c'),
      },
      gate: { secretFile: '/etc/ashlar/cluster-secret', endpoints: ['https://s3.example.com'] },
    }),
    secrets: null,
  },
  minio: {
    plan: planOf(example('examples/minio.yaml')),
    settings: settingsOf({ image: IMAGE.replace('registry.example.com/ashlar', 'docker.io/minio/minio') }),
    secrets: SECRETS,
  },
  rustfs: {
    plan: planOf(`${SIX_NODES}engine: rustfs\n`),
    settings: settingsOf({ image: IMAGE.replace('registry.example.com/ashlar', 'rustfs/rustfs') }),
    secrets: SECRETS,
  },
};

function synthesized({ plan, settings, secrets }: Case): string {
  const outdir = mkdtempSync(join(tmpdir(), 'ashlar-synth-'));
  try {
    swarmApp({
      project: {
        plan,
        settings,
        secrets,
        secretFile: settings.gate.secretFile ?? `.ashlar/${plan.name}.swarm/secrets/cluster-secret`,
      },
      running: null,
      dockerHost: 'unix:///var/run/docker.sock',
      ashlarCommand: 'node cli/bin.js',
      outdir,
    }).synth();
    return readFileSync(join(outdir, 'stacks', plan.name, 'cdk.tf.json'), 'utf8');
  } finally {
    rmSync(outdir, { recursive: true });
  }
}

describe('what Terraform is given', () => {
  for (const [name, example] of Object.entries(CASES)) {
    test(`for ${name} is as it was`, async () => {
      await expect(`${synthesized(example)}\n`).toMatchFileSnapshot(`swarm/${name}.tf.json`);
    });
  }

  test('is the same bytes whenever it is made', () => {
    for (const name of ['six-nodes', 'minio']) expect(synthesized(CASES[name]!)).toBe(synthesized(CASES[name]!));
  });

  test('has no path of the machine that made it', () => {
    expect(synthesized(CASES.default!)).not.toContain(process.cwd());
  });
});

describe('the stack file', () => {
  for (const name of ['default', 'six-nodes', 'host-network', 'minio']) {
    test(`for ${name} is as it was`, async () => {
      const files = renderStackFile(describeSwarm({ ...CASES[name]!, running: null }));
      expect([...files.keys()]).toEqual(['stack.yaml']);
      await expect(files.get('stack.yaml')).toMatchFileSnapshot(`swarm/${name}.stack.yaml`);
    });
  }

  test('never holds a secret', () => {
    const text = renderStackFile(describeSwarm({ ...CASES.default!, running: null })).get('stack.yaml')!;
    for (const secret of Object.values(SECRETS)) expect(text).not.toContain(secret);
  });
});

test('a stack file says in quotes what Docker, which reads YAML 1.1, would take for a boolean', () => {
  const plan = planOf('name: words\nerasure: 2+2\nzones: {"yes": 1, "no": 1, "on": 1, "off": 1}\ndrives: 1\n');
  const parts = { plan, settings: settingsOf(), secrets: SECRETS, running: null };
  const text = renderStackFile(describeSwarm(parts)).get('stack.yaml')!;
  expect(text.match(/ashlar\.zone: .*/g)).toEqual(['yes', 'no', 'on', 'off'].map((zone) => `ashlar.zone: "${zone}"`));
});
