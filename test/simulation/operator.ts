// Faults that lose durable data, within what the scheme promises to survive, and the operator who mends them by hand: a drive (or
// its log device) is taken out and an empty one put in its place, which somebody then admits by name; bits flip at rest.
// Nothing of this happens while anything else is missing: two losses at once may be more than was promised.
import type { Member } from '../../node/cluster/member.ts';
import { DiskError } from '../../node/io/disk.ts';
import { type Holdings, holdings, lostSince } from './checkers/storage-state.ts';
import type { Machine, SimCluster } from './cluster.ts';
import type { Inspectable } from './recovery.ts';
import type { SimRandom } from './sim-random.ts';
import { PromiseBroken } from './violation.ts';

const ADMISSION_RETRY_MS = 1_000;
const ADMISSION_LIMIT_MS = 35_000;
const STATUS_LIMIT_MS = 5_000;
const LOOK_LIMIT_MS = 5_000;
const WATCH_LIMIT_MS = 20_000;
const HEALTHY_LOOKS = 3;

export class Operator<P extends Inspectable> {
  readonly #cluster: SimCluster<P>;
  readonly #random: SimRandom;
  /** Bits flip on this drive only: what rots unnoticed counts as lost from then on. */
  #rotting: string | null = null;
  #isBusy = false;
  #isOver = false;

  constructor(cluster: SimCluster<P>, random: SimRandom) {
    this.#cluster = cluster;
    this.#random = random;
  }

  /** No further losses; what was begun is brought to its end. */
  stop(): void {
    this.#isOver = true;
  }

  /** One drive loses everything, or its log device does. */
  async loseDrive(): Promise<void> {
    await this.#onceWhole(async () => {
      const machine = this.#random.pick(this.#cluster.machines);
      const drive = this.#random.pick(machine.drives);
      if (drive.name === this.#rotting) return;
      const hasObjects = machine.program?.objects != null;
      const before = hasObjects ? await this.#look(holdings) : undefined;
      const log = machine.logs.find(({ name }) => name.startsWith(drive.name));
      machine.kill();
      if (log !== undefined && this.#random.chance(0.5)) {
        this.#cluster.scheduler.note(`life ${log.name} is gone`);
        log.wipe();
        await this.#startAndWait(machine);
        machine.kill();
      }
      machine.replaceDrive(drive.name);
      await this.#startAndWait(machine);
      await this.#admit(machine, drive.name);
      if (before !== undefined) await this.#watchStatus(before);
    });
  }

  /** One bit of one shard file flips. */
  async flipBit(): Promise<void> {
    await this.#onceWhole(async () => {
      const drives = this.#cluster.machines.flatMap((machine) => machine.drives);
      const drive = drives.find(({ name }) => name === this.#rotting) ?? this.#random.pick(drives);
      const flipped = drive.flipRandomBit((path) => path.startsWith('shards/'), this.#random);
      if (flipped === null) return;
      this.#rotting = drive.name;
      this.#cluster.scheduler.note(`disk ${drive.name}: a bit flips in ${flipped.path} at ${flipped.offset}`);
    });
  }

  async #onceWhole(lose: () => Promise<void>): Promise<void> {
    if (this.#isBusy || this.#isOver) return;
    this.#isBusy = true;
    try {
      if ((await this.#isWhole()) && !this.#isOver) await lose();
    } finally {
      this.#isBusy = false;
    }
  }

  async #isWhole(): Promise<boolean> {
    const programs = this.#cluster.machines.map(({ program }) => program);
    if (!programs.every((program) => program?.ready() === true)) return false;
    const isWhole = programs.every((program) => {
      const { topology, catchUp } = program!.member.running;
      return catchUp.pending() === 0 && topology.current().map.drives.every(({ state }) => state === 'up');
    });
    const { objects } = this.#random.pick(programs)!;
    if (!isWhole || objects === null) return isWhole;
    const status = await this.#withinLimit(objects.status(), STATUS_LIMIT_MS).catch(() => undefined);
    return status?.health === 'healthy' && this.#cluster.machines.every(({ isUp }) => isUp);
  }

  async #startAndWait(machine: Machine<P>): Promise<void> {
    const { scheduler } = this.#cluster;
    await scheduler.sleep(this.#random.longTailed(5, 500), `${machine.name} is brought back`);
    if (!machine.isUp) machine.start();
    await scheduler.sleep(this.#random.longTailed(5, 500), `${machine.name} starts`);
  }

  /** As somebody would do it who looks at the status now and then. */
  async #admit(machine: Machine<P>, slot: string): Promise<void> {
    const { scheduler, machines } = this.#cluster;
    const isAdmitted = () => machine.program?.serves() === true && machine.program.member.driveProblem(slot) === null;
    while (!isAdmitted()) {
      const helper = this.#random.pick(machines).program;
      if (helper?.serves() === true) {
        scheduler.note(`life ${slot} is to be admitted`);
        const admission = helper.member.replaceDrive(slot).catch((error) => scheduler.note(`life ${slot}: ${error}`));
        await this.#withinLimit(admission, ADMISSION_LIMIT_MS);
      }
      await scheduler.sleep(ADMISSION_RETRY_MS, 'the operator looks again');
    }
  }

  /** Asks this node and that until some have said "healthy", and looks at the drives then. */
  async #watchStatus(before: Holdings): Promise<void> {
    const { scheduler, machines } = this.#cluster;
    const endMs = scheduler.nowMs + WATCH_LIMIT_MS;
    for (let looks = 0; looks < HEALTHY_LOOKS && scheduler.nowMs < endMs; ) {
      await scheduler.sleep(this.#random.longTailed(1, 40), 'the operator looks at the status');
      const { name, program } = this.#random.pick(machines);
      if (!machines.every((machine) => machine.program?.serves() === true)) continue;
      const lost = await this.#look(async (members) => {
        const status = await program!.objects!.status().catch(() => undefined);
        return status?.health === 'healthy' ? lostSince(members, before) : undefined;
      });
      if (lost === undefined) continue;
      if (lost.length > 0) throw new PromiseBroken('health', `${name} says healthy, but ${lost[0]}`);
      looks++;
    }
  }

  /** undefined: it took too long, a drive could not be read, or a process that was looked at has died meanwhile. */
  async #look<T>(work: (members: readonly Member[]) => Promise<T>): Promise<T | undefined> {
    const { machines } = this.#cluster;
    const programs = machines.map(({ program }) => program);
    const seen = await this.#withinLimit(work(this.#members()).catch(unreadable), LOOK_LIMIT_MS);
    return machines.every(({ program }, at) => program === programs[at]) ? seen : undefined;
  }

  #members(): Member[] {
    return this.#cluster.machines.flatMap(({ program }) => (program?.serves() === true ? [program.member] : []));
  }

  /** A process that dies never answers. */
  #withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T | undefined> {
    return Promise.race([work, this.#cluster.scheduler.sleep(limitMs, 'the operator waits').then(() => undefined)]);
  }
}

/** A look at a drive that gives errors says nothing. */
function unreadable(error: unknown): undefined {
  if (error instanceof DiskError) return undefined;
  throw error;
}
