// Power cuts on the real engine, with real files and the real index: records one busy life of a drive, and then, for any point of the
// recording and any seed, opens what a power cut at that point leaves, and holds it to what had been promised by then.
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Disk, DiskError, type DiskFile } from '../../node/io/disk.ts';
import { openRealDisk } from '../../node/io/disk-real.ts';
import { openBareDrive } from '../../node/storage/bare-drive.ts';
import { checkDrive } from '../../node/storage/drive-check.ts';
import type { DriveStore } from '../../node/storage/drive-store.ts';
import { diskIndex } from '../../node/storage/index-disk.ts';
import { openIndexFile } from '../../node/storage/index-file.ts';
import type { Index, IndexChange, IndexFactory } from '../../node/storage/index-port.ts';
import { INDEX_DIRECTORY } from '../../node/storage/names.ts';
import { formatDrive, openDrive } from '../../node/storage/open.ts';
import { SimRandom } from '../simulation/sim-random.ts';
import { BUSY_TUNING, checkPromises, Expectations, type Promised, workload } from '../support/drive-history.ts';
import { IDENTITY } from '../support/drives.ts';
import { stillClock } from '../support/still-clock.ts';
import { type Device, Recording } from './recording.ts';
import { cutPower } from './replay.ts';

/** A machine with one drive, in two directories of its own. */
interface Machine {
  readonly drive: string;
  /** null: the log lies on the drive. */
  readonly log: string | null;
}

export class PowerCuts implements AsyncDisposable {
  readonly recording: Recording;
  readonly #base: string;
  readonly #hasLog: boolean;
  #machines = 0;

  private constructor(recording: Recording, base: string, hasLog: boolean) {
    this.recording = recording;
    this.#base = base;
    this.#hasLog = hasLog;
  }

  /** Records: formatting, a busy life, a clean stop, and a second start. */
  static async record(hasLog: boolean): Promise<PowerCuts> {
    const cuts = new PowerCuts(new Recording(), await mkdtemp(join(tmpdir(), 'ashlar-power-cut-')), hasLog);
    const machine = await cuts.#machine();
    const expected = new Expectations((now) => cuts.recording.promised(now));
    const first = await boot(machine, cuts.recording);
    await workload(first.store, expected);
    await first.store.close();
    const second = await boot(machine, cuts.recording);
    for (let i = 0; i < 12; i++) {
      await expected.commit(second.store, [{ kind: 'put', key: 'second life', value: Buffer.from(`${i}`) }]);
    }
    await second.store.close();
    await removeMachine(machine);
    return cuts;
  }

  /** The power goes after so many events, and perhaps again while the drive recovers. Rejects when a promise is broken. */
  async cut(count: number, seed: number, options: { readonly again: boolean; readonly goOn: boolean }): Promise<void> {
    const random = new SimRandom(`${count}/${seed}`);
    const { promised, write } = cutPower(this.recording.events, count, random);
    let machine = await this.#machine();
    await forDevices(machine, write);
    if (options.again) machine = await this.#cutRecovery(machine, random);
    const { store, kill } = await boot(machine);
    if (promised !== null) await checkPromises(store, promised);
    if (options.goOn) await goOn(machine, store, promised);
    else await kill();
    await removeMachine(machine);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#base, { recursive: true, force: true });
  }

  async #cutRecovery(machine: Machine, random: SimRandom): Promise<Machine> {
    const recording = new Recording();
    await forDevices(machine, (device, directory) => recording.begin(device, directory));
    const begun = recording.events.length;
    await (await boot(machine, recording)).store.close();
    await removeMachine(machine);
    const next = await this.#machine();
    const count = begun + random.below(recording.events.length - begun + 1);
    await forDevices(next, cutPower(recording.events, count, random).write);
    return next;
  }

  async #machine(): Promise<Machine> {
    const base = join(this.#base, `${this.#machines++}`);
    const machine = { drive: join(base, 'drive'), log: this.#hasLog ? join(base, 'log') : null };
    await forDevices(machine, async (_, directory) => void (await mkdir(directory, { recursive: true })));
    return machine;
  }
}

async function forDevices(
  { drive, log }: Machine,
  run: (device: Device, directory: string) => Promise<void>,
): Promise<void> {
  await run('drive', drive);
  if (log !== null) await run('log', log);
}

const removeMachine = ({ drive }: Machine) => rm(join(drive, '..'), { recursive: true, force: true });

interface Booted {
  readonly store: DriveStore;
  /** As when the process is killed: nothing is put in order. */
  kill(): Promise<void>;
}

/** Formats a drive that is blank. A drive that was formatted is never refused, whatever the power cut left of it. */
async function boot(machine: Machine, recording: Recording | null = null): Promise<Booted> {
  const mortals: MortalDisk[] = [];
  const mounted = async (device: Device, directory: string): Promise<Disk> => {
    const mortal = new MortalDisk(await openRealDisk(directory));
    mortals.push(mortal);
    return recording === null ? mortal : recording.disk(device, mortal);
  };
  const disk = await mounted('drive', machine.drive);
  const log = machine.log === null ? {} : { log: await mounted('log', machine.log) };
  let index: MortalIndex | null = null;
  const open = recording?.index(machine.drive) ?? diskIndex(join(machine.drive, INDEX_DIRECTORY));
  const keepingIt: IndexFactory = async () => (index = new MortalIndex(await open()));
  const options = { disk, ...log, index: keepingIt, clock: stillClock(), random: new SimRandom('generations') };
  const opened = await openDrive({ ...options, tuning: BUSY_TUNING });
  if (opened.kind === 'refused') throw new Error(`refused: ${opened.reason}`);
  if (opened.kind === 'blank') {
    await formatDrive({ disk, ...log, identity: IDENTITY, random: new SimRandom('log id') });
    return boot(machine, recording);
  }
  const kill = async () => {
    for (const mortal of mortals) await mortal.die();
    await index!.close();
  };
  return { store: opened.store, kill };
}

/** Life goes on after the power cut, and leaves a drive on which every byte is right. */
async function goOn(machine: Machine, store: DriveStore, promised: Promised | null): Promise<void> {
  await store.commit([{ kind: 'put', key: 'zz', value: Buffer.from('after') }]);
  await store.close();
  const { store: again } = await boot(machine);
  assert.equal(Buffer.from((await again.get('zz'))!).toString(), 'after');
  await again.commit([{ kind: 'delete', key: 'zz' }]);
  if (promised !== null) await checkPromises(again, promised);
  await again.close();
  const log = machine.log === null ? null : await openRealDisk(machine.log);
  const bare = await openBareDrive({
    disk: await openRealDisk(machine.drive),
    logOf: () => log,
    index: () => openIndexFile(join(machine.drive, INDEX_DIRECTORY)),
    lock: async () => () => undefined,
  });
  const { findings, strayFiles } = await checkDrive(bare);
  await bare.close();
  assert.deepEqual({ findings, strayFiles }, { findings: [], strayFiles: [] });
}

/** A disk of a process that can be killed: its files are closed, and every further operation fails. */
class MortalDisk implements Disk {
  readonly name: string;
  readonly #disk: Disk;
  readonly #files = new Set<DiskFile>();
  #isDead = false;

  constructor(disk: Disk) {
    this.#disk = disk;
    this.name = disk.name;
  }

  async die(): Promise<void> {
    this.#isDead = true;
    for (const file of this.#files) await file.close();
    this.#files.clear();
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    const file = await this.#living().open(path, mode);
    this.#files.add(file);
    const living = () => {
      this.#living();
      return file;
    };
    return {
      read: async (offset, length) => living().read(offset, length),
      write: async (offset, pieces) => living().write(offset, pieces),
      sync: async () => living().sync(),
      truncate: async (sizeBytes) => living().truncate(sizeBytes),
      sizeBytes: async () => living().sizeBytes(),
      close: async () => {
        if (this.#files.delete(file)) await file.close();
      },
    };
  }

  rename = async (from: string, to: string) => this.#living().rename(from, to);
  remove = async (path: string) => this.#living().remove(path);
  makeDirectory = async (path: string) => this.#living().makeDirectory(path);
  list = async (path: string) => this.#living().list(path);
  syncDirectory = async (path: string) => this.#living().syncDirectory(path);
  space = async () => this.#living().space();

  #living(): Disk {
    if (this.#isDead) throw new DiskError('io', `${this.name}: its process is dead`);
    return this.#disk;
  }
}

/** An index must not be asked once it is closed. */
class MortalIndex implements Index {
  readonly #index: Index;
  #isDead = false;

  constructor(index: Index) {
    this.#index = index;
  }

  async close(): Promise<void> {
    this.#isDead = true;
    await this.#index.close();
  }

  get = (key: string) => this.#living().get(key);
  range = (from: string, to: string, limit: number) => this.#living().range(from, to, limit);
  state = () => this.#living().state();
  apply = async (changes: readonly IndexChange[], state: Uint8Array) => this.#living().apply(changes, state);
  space = () => this.#living().space();

  #living(): Index {
    if (this.#isDead) throw new DiskError('io', 'the process of this index is dead');
    return this.#index;
  }
}
