// Bytes rot on drives under an application that reads: as many drives as the scheme has parity, every shard of them, then records,
// a log and an index. Every read stays right, scrubbing finds and repairs the rest, and status does not call it healthy meanwhile.
// No node's process ends of it, whatever rots: neither of flipped bytes nor of whole sectors of garbage, under a running node too.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { nodeOf } from '../../../stacks/local/addressing.ts';
import type { CorruptionTarget } from '../../../stacks/local/corruption.ts';
import { FaultyCluster } from '../faulty-cluster.ts';
import { spoilSectors } from '../garbage-sectors.ts';
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
/** Of every file of the index and the log of a drive, under its running node. */
const GARBAGE_SHARE = 0.2;
/** A drive outside any cluster, in a process of its own, so often. */
const ROTTEN_DRIVE_ROUNDS = { ci: 40, full: 400 };
const ROTTEN_DRIVE = join(import.meta.dirname, '..', '..', 'support', 'rotten-drive.ts');

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
      for (const what of ['log', 'index'] as const) await rot.whatRotsUnderTheNode(what);
      await rot.aDriveOfItsOwn(context.ci ? ROTTEN_DRIVE_ROUNDS.ci : ROTTEN_DRIVE_ROUNDS.full);
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
      await this.#replaceDrive(slot);
      return outcomeText(found);
    });
    await this.#ashlar('scrub', '--wait');
    await this.#faulty.cluster.waitHealthy({ timeoutMs: HEALTHY_TIMEOUT_MS });
    await this.#everythingIsRight();
    this.#say(`${what}: ${FLIPS_PER_FILE} bytes in each file on drive ${slot}: ${outcome}; reads right all the time`);
  }

  /** Sectors of garbage in its files while the node has them open: the node stays, reads and writes go on, status names the drive. */
  async whatRotsUnderTheNode(what: 'log' | 'index'): Promise<void> {
    const [, slot] = ROTTEN;
    const pids = this.#faulty.pids();
    const outcome = await this.#objects.whileReading(async () => {
      const spoilt = spoilSectors(join(this.#faulty.cluster.directory, 'data', slot, what), GARBAGE_SHARE);
      this.#say(`${what}: ${spoilt} sectors of garbage on drive ${slot}, under its running node`);
      await this.#objects.readAll();
      await this.#run(['scrub', '--wait', '--timeout', SCRUB_TIMEOUT], false);
      const found = await this.#outcomeFor(slot);
      this.#sameProcesses(pids);
      await this.#replaceDrive(slot);
      return outcomeText(found);
    });
    await this.#ashlar('scrub', '--wait');
    await this.#faulty.cluster.waitHealthy({ timeoutMs: HEALTHY_TIMEOUT_MS });
    await this.#everythingIsRight();
    this.#say(`  ${outcome}; the node stayed, reads right all the time`);
  }

  /** A sector at a time, anywhere, at rest and in use: each answer is right or refused, and the process lives. */
  async aDriveOfItsOwn(rounds: number): Promise<void> {
    const directory = await mkdtemp(join(tmpdir(), 'ashlar-rot-'));
    try {
      const seed = Date.now() % 1_000_000;
      const { stdout } = await run(process.execPath, [ROTTEN_DRIVE, directory, String(seed), String(rounds)], {
        mustSucceed: true,
      });
      const outcomes = stdout.trim().split('\n');
      if (outcomes.length !== rounds)
        throw new Error(`${outcomes.length} of ${rounds} rounds ended (from seed ${seed})`);
      const refused = outcomes.filter((line) => line.includes('refused')).length;
      this.#say(
        `a drive of its own: ${rounds} sectors of garbage (from seed ${seed}), ${refused} of them met and refused, no wrong answer`,
      );
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  #sameProcesses(before: ReadonlyMap<string, number>): void {
    const now = this.#faulty.pids();
    for (const [node, pid] of before) {
      if (now.get(node) !== pid) throw new Error(`the process of node ${node} ended of what rotted`);
    }
  }

  /** As an operator does it: the drive's data are given up, and the cluster takes it as a blank one. */
  async #replaceDrive(slot: string): Promise<void> {
    await this.#ashlar('drill', 'kill', 'drive', slot);
    await this.#ashlar('drill', 'wipe', 'drive', slot);
    await this.#ashlar('drill', 'revive', 'drive', slot);
  }

  async #everythingIsRight(): Promise<void> {
    await this.#objects.readAll();
    const { files, damaged } = await this.#verifyFiles();
    if (damaged.length > 0) throw new Error(`${damaged.length} of ${files} shard files are still wrong: ${damaged[0]}`);
    this.#say(`  all ${this.#objects.count} objects read, all ${files} shard files verified from outside`);
  }

  /** How it is with the drive, once that is known. Rejects when its node did not stay: a drive costs a drive at the most. */
  async #outcomeFor(slot: string): Promise<DriveOutcome> {
    const node = nodeOf(slot);
    const endMs = performance.now() + OUTCOME_TIMEOUT_MS;
    while (performance.now() < endMs) {
      if (!this.#faulty.pids().has(node)) throw new Error(`the process of node ${node} ended of what rotted`);
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

  #corrupt(slot: string, what: CorruptionTarget): Promise<ProgramResult> {
    const flips = what === 'log' || what === 'index' ? ['--flips', String(FLIPS_PER_FILE)] : [];
    return this.#ashlar('drill', 'corrupt', 'drive', slot, '--what', what, ...flips);
  }

  #ashlar(...args: string[]): Promise<ProgramResult> {
    return this.#run(args, true);
  }

  #run(args: readonly string[], mustSucceed: boolean): Promise<ProgramResult> {
    return run(process.execPath, [CLI, ...args, '--data', this.#faulty.cluster.directory], { mustSucceed });
  }
}

interface DriveOutcome {
  readonly state: 'up' | 'unusable';
  readonly reason: string | null;
}

function outcomeText({ state, reason }: DriveOutcome): string {
  const then = 'the drive was wiped and admitted again';
  switch (state) {
    case 'up':
      return `opened with it, but scrubbing could not repair all of it; ${then}`;
    case 'unusable':
      return `refused, and said so in status (${reason}); ${then}`;
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
