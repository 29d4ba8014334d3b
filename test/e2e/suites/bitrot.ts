// Bytes rot on drives under an application that reads: as many drives as the scheme has parity, every shard of them, then records,
// a log and an index. Every read stays right, scrubbing finds and repairs the rest, and status does not call it healthy meanwhile.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeOf } from '../../../stacks/local/addressing.ts';
import type { CorruptionTarget } from '../../../stacks/local/corruption.ts';
import { FaultyCluster } from '../faulty-cluster.ts';
import { type ProgramResult, run } from '../programs.ts';
import { verifyShardFiles } from '../shard-files.ts';
import type { Suite, SuiteContext } from '../suite.ts';
import { VerifiedObjects } from '../traffic/verified-objects.ts';

const CLI = join(import.meta.dirname, '..', '..', '..', 'cli', 'main.ts');
/** With 4+2 two drives may rot as a whole. They lie on different nodes. */
const ROTTEN = ['a1/d1', 'c1/d2'] as const;
/** Only the body in the record, a pointed-to record, small shards, shards in files, several stripes. */
const SIZES_BYTES = [500, 3_000, 8_000, 20_000, 200_000, 300_000, 900_000, 2_500_000];
const HEALTHY_TIMEOUT_MS = 300_000;
const SCRUB_TIMEOUT = '2m';
const OUTCOME_TIMEOUT_MS = 120_000;
const POLL_MS = 50;
/** Damages any file of a log or an index for certain, whatever part of it is still in use. */
const FLIPS_PER_FILE = 300;

export const bitrot: Suite = {
  name: 'bitrot',
  summary:
    'shards, records, logs and indexes rot on two drives at a time; reads stay right, and scrubbing repairs everything',
  packages: [],
  run: async (context) => {
    await using faulty = await FaultyCluster.start({ zones: 4, drives: 2, erasure: '4+2' });
    const objects = new VerifiedObjects(faulty.cluster, 'bitrot');
    try {
      await objects.write(context.ci ? 80 : 400, SIZES_BYTES);
      const rot = new Rot(faulty, objects, context);
      await rot.whatIsRepairedInPlace('shards');
      await rot.whatIsRepairedInPlace('manifests');
      for (const what of ['log', 'index'] as const) await rot.whatMayCostTheDrive(what);
    } catch (error) {
      await faulty.keepLogs(context.directory);
      throw error;
    } finally {
      objects.close();
    }
  },
};

class Rot {
  readonly #faulty: FaultyCluster;
  readonly #objects: VerifiedObjects;
  readonly #say: SuiteContext['say'];

  constructor(faulty: FaultyCluster, objects: VerifiedObjects, { say }: SuiteContext) {
    this.#faulty = faulty;
    this.#objects = objects;
    this.#say = say;
  }

  /** The drives serve on; reads repair what they meet, scrubbing the rest. */
  async whatIsRepairedInPlace(what: CorruptionTarget): Promise<void> {
    const readsBefore = this.#objects.reads;
    const watch = new StatusWatch(this.#faulty);
    const told = await this.#objects.whileReading(async () => {
      for (const slot of ROTTEN) this.#say(`${what}: ${(await this.#corrupt(slot, what)).stdout.split(';')[0]}`);
      const { damaged } = await this.#verifyFiles();
      await this.#objects.readAll();
      const left = (await this.#verifyFiles()).damaged.length;
      if (what === 'shards') this.#say(`  ${damaged.length} shard files damaged, ${left} after every object was read`);
      return (await this.#ashlar('scrub', '--wait')).stdout;
    });
    await this.#faulty.cluster.waitHealthy({ timeoutMs: HEALTHY_TIMEOUT_MS });
    const seen = await watch.stop();
    if (seen.unhealthy === 0) throw new Error(`status called the cluster healthy all the time while ${what} rotted`);
    await this.#everythingIsRight();
    this.#say(`  scrub: ${told.trim().split('\n').join(' ')}`);
    this.#say(
      `  ${this.#objects.reads - readsBefore} reads by the SDK meanwhile and after, each byte right; status was not healthy in ${seen.unhealthy} of ${seen.looks} looks, and is now`,
    );
  }

  /**
   * A damaged log or index may lack acknowledged writes, which nothing on the drive can bring back. What the node cannot go on
   * with is given up, and filled again from the other drives.
   */
  async whatMayCostTheDrive(what: 'log' | 'index'): Promise<void> {
    const [slot] = ROTTEN;
    const outcome = await this.#objects.whileReading(async () => {
      await this.#corrupt(slot, what);
      let found = await this.#outcomeFor(slot);
      if (found.state === 'up') {
        // Opened does not mean that it can be read to the end.
        const scrubbed = await this.#run(['scrub', '--wait', '--timeout', SCRUB_TIMEOUT], false);
        found = await this.#outcomeFor(slot);
        if (found.state === 'up' && scrubbed.exitCode === 0)
          return 'opened with it, and scrubbed until all was repaired';
      }
      await this.#replaceDrive(slot, found.state);
      return outcomeText(found);
    });
    await this.#ashlar('scrub', '--wait');
    await this.#faulty.cluster.waitHealthy({ timeoutMs: HEALTHY_TIMEOUT_MS });
    await this.#everythingIsRight();
    this.#say(`${what}: ${FLIPS_PER_FILE} bytes in each file on drive ${slot}: ${outcome}; reads right all the time`);
  }

  /** As an operator does it: the drive's data are given up, and the cluster takes it as a blank one. */
  async #replaceDrive(slot: string, state: DriveOutcome['state']): Promise<void> {
    if (state !== 'gone') await this.#ashlar('drill', 'kill', 'drive', slot);
    await this.#ashlar('drill', 'wipe', 'drive', slot);
    if (state !== 'gone') await this.#ashlar('drill', 'revive', 'drive', slot);
    else await this.#ashlar('drill', 'revive', 'node', nodeOf(slot));
  }

  async #everythingIsRight(): Promise<void> {
    await this.#objects.readAll();
    const { files, damaged } = await this.#verifyFiles();
    if (damaged.length > 0) throw new Error(`${damaged.length} of ${files} shard files are still wrong: ${damaged[0]}`);
    this.#say(`  all ${this.#objects.count} objects read, all ${files} shard files verified from outside`);
  }

  /** How it went with the drive once its node was started again; 'gone' when the node did not stay. */
  async #outcomeFor(slot: string): Promise<DriveOutcome> {
    const node = nodeOf(slot);
    const endMs = performance.now() + OUTCOME_TIMEOUT_MS;
    while (performance.now() < endMs) {
      if (!this.#faulty.pids().has(node)) return { state: 'gone', reason: null };
      const report = (await this.#faulty.status()).nodes.find(({ name }) => name === node)!;
      const drive = report.drives.find((candidate) => candidate.slot === slot)!;
      // Down in the map: it has not caught up yet, or nobody has agreed yet that it is back.
      if (report.reachable && drive.state !== 'down') return { state: drive.state, reason: drive.reason };
      await delay(POLL_MS);
    }
    throw new Error(`nobody says how drive ${slot} is, ${OUTCOME_TIMEOUT_MS} ms after its node was started`);
  }

  #verifyFiles() {
    const { directory, nodes } = this.#faulty.cluster;
    return verifyShardFiles(nodes.flatMap(({ drives }) => drives.map((slot) => join(directory, 'data', slot))));
  }

  /** A log or index may kill its node; everything else must work. */
  #corrupt(slot: string, what: CorruptionTarget): Promise<ProgramResult> {
    const isFile = what === 'log' || what === 'index';
    const flips = isFile ? ['--flips', String(FLIPS_PER_FILE)] : [];
    const args = ['drill', 'corrupt', 'drive', slot, '--what', what, ...flips];
    return this.#run(args, !isFile);
  }

  #ashlar(...args: string[]): Promise<ProgramResult> {
    return this.#run(args, true);
  }

  #run(args: readonly string[], mustSucceed: boolean): Promise<ProgramResult> {
    return run(process.execPath, [CLI, ...args, '--data', this.#faulty.cluster.directory], { mustSucceed });
  }
}

interface DriveOutcome {
  readonly state: 'up' | 'unusable' | 'gone';
  readonly reason: string | null;
}

function outcomeText({ state, reason }: DriveOutcome): string {
  const then = 'the drive was wiped and admitted again';
  switch (state) {
    case 'up':
      return `opened with it, but scrubbing could not repair all of it; ${then}`;
    case 'unusable':
      return `refused, and said so in status (${reason}); ${then}`;
    case 'gone':
      return `its node's process died of it, which is more than a drive should cost; ${then}`;
  }
}

/** Looks at the status all the time, and holds it to what it says itself. */
class StatusWatch {
  readonly #watching: Promise<void>;
  #isStopped = false;
  #looks = 0;
  #unhealthy = 0;

  constructor(faulty: FaultyCluster) {
    this.#watching = this.#watch(faulty);
    // What it found is told by stop().
    this.#watching.catch(() => {});
  }

  /** Rejects when a status called healthy what it knew to be damaged. */
  async stop(): Promise<{ readonly looks: number; readonly unhealthy: number }> {
    this.#isStopped = true;
    await this.#watching;
    return { looks: this.#looks, unhealthy: this.#unhealthy };
  }

  async #watch(faulty: FaultyCluster): Promise<void> {
    while (!this.#isStopped) {
      const { health, nodes } = await faulty.status();
      this.#looks++;
      if (health !== 'healthy') this.#unhealthy++;
      const known = nodes.flatMap(({ scrub, healing }) => [
        ...scrub.flatMap(({ unrepaired }) => unrepaired),
        ...(healing !== null && healing.pending > 0 ? [`${healing.pending} to heal`] : []),
      ]);
      if (health === 'healthy' && known.length > 0) throw new Error(`status says healthy, and knows of: ${known[0]}`);
      await delay(POLL_MS);
    }
  }
}
