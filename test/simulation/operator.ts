// Faults that lose durable data, within what the scheme promises to survive, and the operator who mends them by hand: a drive (or
// its log device) is taken out and an empty one put in its place, which somebody then admits by name; bits flip at rest.
// Nothing of this happens while anything else is missing: two losses at once may be more than was promised.
import type { Machine, SimCluster } from './cluster.ts';
import type { Inspectable } from './recovery.ts';
import type { SimRandom } from './sim-random.ts';

const ADMISSION_RETRY_MS = 1_000;
const ADMISSION_LIMIT_MS = 35_000;
const STATUS_LIMIT_MS = 5_000;

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

  /** A process that dies never answers. */
  #withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T | undefined> {
    return Promise.race([work, this.#cluster.scheduler.sleep(limitMs, 'the operator waits').then(() => undefined)]);
  }
}
