// npm run e2e [-- [--ci] [--objects N] [SUITE …]]: end-to-end suites with real clients and real programs. Installs what they need where it
// can, says what it skipped and why, and ends with one line that counts. Exit 1 when a suite failed.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensurePackages } from './packages.ts';
import type { Suite, SuiteContext } from './suite.ts';
import { bitrot } from './suites/bitrot.ts';
import { clients } from './suites/clients.ts';
import { history } from './suites/history.ts';
import { host } from './suites/host.ts';
import { hostConfig } from './suites/host-config.ts';
import { kubernetes, kubernetesPulumi } from './suites/kubernetes.ts';
import { kubernetesManifests } from './suites/kubernetes-manifests.ts';
import { kubernetesMinio } from './suites/kubernetes-minio.ts';
import { kubernetesScale } from './suites/kubernetes-scale.ts';
import { layouts } from './suites/layouts.ts';
import { loadBalancer } from './suites/load-balancer.ts';
import { logDevice } from './suites/log-device.ts';
import { million } from './suites/million.ts';
import { mutations } from './suites/mutations.ts';
import { powerCut } from './suites/power-cut.ts';
import { schemas } from './suites/schemas.ts';
import { sigkill } from './suites/sigkill.ts';
import { swarm } from './suites/swarm.ts';
import { swarmMinio } from './suites/swarm-minio.ts';
import { zoneLoss } from './suites/zone-loss.ts';

const SUITES: readonly Suite[] = [
  clients,
  layouts,
  loadBalancer,
  zoneLoss,
  sigkill,
  powerCut,
  logDevice,
  history,
  bitrot,
  million,
  mutations,
  hostConfig,
  host,
  schemas,
  swarm,
  swarmMinio,
  kubernetes,
  kubernetesPulumi,
  kubernetesManifests,
  kubernetesMinio,
  kubernetesScale,
];
/** What has not begun by then is skipped: a run that is cut off from outside says nothing. */
const CI_DEADLINE_MS = 70 * 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    ci: { type: 'boolean', default: false },
    // Of the suite `million`.
    objects: { type: 'string' },
  },
});
process.exitCode = await main(values.ci, values.objects === undefined ? null : Number(values.objects), positionals);

async function main(ci: boolean, objectCount: number | null, names: readonly string[]): Promise<number> {
  if (objectCount !== null && !(Number.isInteger(objectCount) && objectCount > 0)) {
    console.error('e2e: --objects takes a number of objects');
    return 2;
  }
  const unknown = names.filter((name) => !SUITES.some((suite) => suite.name === name));
  if (unknown.length > 0) {
    console.error(`e2e: no suite ${unknown.join(', ')}; there are ${SUITES.map((suite) => suite.name).join(', ')}`);
    return 2;
  }
  const startedAt = performance.now();
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const suites = SUITES.filter(({ name }) => names.length === 0 || names.includes(name));
  const unasked = (suite: Suite) => (ci && names.length === 0 ? (suite.notInCi ?? null) : null);
  const asked = suites.filter((suite) => unasked(suite) === null);
  // All at once, for those who prepare; a package that cannot be had is told again by the suite that needs it.
  await ensurePackages(asked.flatMap(({ packages }) => packages));
  prepareInTurns(asked);
  for (const suite of suites) {
    const late = ci && performance.now() - startedAt > CI_DEADLINE_MS ? 'the time for this run is used up' : null;
    const obstacle = late ?? unasked(suite) ?? (await missing(suite));
    if (obstacle !== null) {
      console.log(`SKIP ${suite.name}: ${obstacle}`);
      counts.skipped++;
    } else {
      counts[await runSuite(suite, { ci, objectCount })]++;
    }
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 ? 1 : 0;
}

/** Beside the suites, and one after the other: what is built takes all cores it gets, and memory. */
async function prepareInTurns(suites: readonly Suite[]): Promise<void> {
  for (const suite of suites) {
    if (suite.prepare === undefined || ((await suite.obstacle?.()) ?? null) !== null) continue;
    // The suite asks for it again, and says then what went wrong.
    await suite.prepare().catch(() => {});
  }
}

async function runSuite(suite: Suite, options: Pick<SuiteContext, 'ci' | 'objectCount'>): Promise<'passed' | 'failed'> {
  console.log(`\n== ${suite.name}: ${suite.summary}`);
  const directory = await mkdtemp(join(tmpdir(), `ashlar-e2e-${suite.name}-`));
  const startedAt = performance.now();
  try {
    await suite.run({ ...options, directory, say: (line) => console.log(`   ${line}`) });
    await rm(directory, { recursive: true, force: true });
    console.log(`PASS ${suite.name} in ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
    return 'passed';
  } catch (error) {
    console.log(`FAIL ${suite.name}: ${error instanceof Error ? error.message : String(error)}`);
    console.log(`     what is left of it: ${directory}`);
    return 'failed';
  }
}

/** Why the suite cannot run here, after installing what can be installed; null when it can. */
async function missing(suite: Suite): Promise<string | null> {
  return (await ensurePackages(suite.packages)) ?? (await suite.obstacle?.()) ?? null;
}
