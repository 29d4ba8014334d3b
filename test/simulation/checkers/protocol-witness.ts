// Watches every replica of the registers from within its process and holds it to its word: a promise that was given is kept
// for ever, versions only grow, proposals come from proposers that a quorum has promised to follow, and only decided values
// are learned. Clients notice such a mistake once in thousands of runs; here it is noticed when it happens.
import { Acceptor } from '../../../node/cluster/acceptor.ts';
import { MAP_PARTITION } from '../../../node/cluster/groups.ts';
import { Replicas } from '../../../node/cluster/register-service.ts';
import { type Ballot, compareBallots, compareVersions, type Version } from '../../../node/core/ballot.ts';
import type { Scheme } from '../../../node/core/cluster-map.ts';
import { keeperMajority } from '../../../node/core/keepers.ts';
import { MAP_KEY, type RegisterKey } from '../../../node/core/keys.ts';
import { registerQuorums } from '../../../node/core/quorum.ts';
import type { AcceptGroup } from '../../../node/format/register-formats.ts';
import { PromiseBroken } from '../violation.ts';

export interface WitnessOptions {
  readonly scheme: Scheme;
  /** Of the cluster map. */
  readonly keeperCount: number;
  readonly onBroken: (error: PromiseBroken) => void;
}

/** What a replica was known to have promised and to hold when it was asked. */
interface Word {
  readonly promised: Ballot | undefined;
  readonly newest: readonly (Version | undefined)[];
}

interface Following {
  readonly partition: number;
  readonly ballot: Ballot;
  readonly driveIds: Set<string>;
}

export class ProtocolWitness {
  readonly #options: WitnessOptions;
  /** By drive id and partition: the highest ballot that the replica is known to have promised. */
  readonly #promised = new Map<string, Ballot>();
  /** By drive id and key: the newest version that the replica is known to hold. */
  readonly #newest = new Map<string, Version>();
  /** By partition and ballot: the drives that promised to follow it. */
  readonly #followers = new Map<string, Following>();
  /** Drive ids, every one with its slot, oldest first. */
  readonly #slots = new Map<string, string>();
  /** By the id of a drive that takes the place of a lost one: what it must have promised before it may vote, by partition. */
  readonly #inherited = new Map<string, ReadonlyMap<number, Ballot>>();
  /** By drive id: the replica of the newest process. What the memory of a dead one says to a look from outside binds nobody. */
  readonly #current = new Map<string, Acceptor>();
  /** Ids of drives that do not vote yet: what they promise is no vote. */
  readonly #joining = new Set<string>();
  /** By key and version: the drives that ever held it. */
  readonly #holders = new Map<string, Set<string>>();

  constructor(options: WitnessOptions) {
    this.#options = options;
  }

  /** Watches all replicas of this process until the returned function is called. */
  watch(): () => void {
    const replicas = Acceptor.prototype;
    const { prepare, accept, fetch, scan, learn } = replicas;
    const witness = this;
    replicas.prepare = async function (partition, ballot) {
      const before = witness.#wordOf(this, partition, []);
      const answer = await prepare.call(this, partition, ballot);
      if (answer.granted) witness.#granted(this, partition, ballot, before);
      return answer;
    };
    replicas.accept = async function (groups) {
      for (const group of groups) witness.#mustBeFollowed(this, group);
      const before = groups.map(({ partition, entries }) => witness.#wordOf(this, partition, keysOf(entries)));
      const answers = await accept.call(this, groups);
      groups.forEach((group, at) => {
        if (answers[at]!.accepted) witness.#accepted(this, group, before[at]!);
      });
      return answers;
    };
    replicas.fetch = async function (partition, ballot, keys, values) {
      const before = witness.#wordOf(this, partition, keys);
      const answer = await fetch.call(this, partition, ballot, keys, values);
      if (witness.#isOfDeadProcess(this)) return answer;
      if (answer !== null && ballot !== null)
        witness.#mustKeepPromise(this, partition, ballot, before.promised, 'answered');
      answer?.forEach(({ version }, at) => {
        if (version !== null) witness.#holds(this, keys[at]!, version, before.newest[at]);
      });
      return answer;
    };
    replicas.scan = async function (from, to, options) {
      const answer = await scan.call(this, from, to, options);
      if (witness.#isOfDeadProcess(this)) return answer;
      for (const { key, version } of answer.registers) witness.#holds(this, key, version, undefined);
      return answer;
    };
    replicas.learn = async function (entries, generation) {
      for (const { key, version } of entries) witness.#mustBeDecided(this, key, version);
      return learn.call(this, entries, generation);
    };
    const unwatchDrives = this.#watchDrives();
    return () => {
      Object.assign(replicas, { prepare, accept, fetch, scan, learn });
      unwatchDrives();
    };
  }

  #watchDrives(): () => void {
    const drives = Replicas.prototype;
    const { add, addJoining, admit } = drives;
    const witness = this;
    drives.add = function (drive) {
      const { driveId, slot } = drive.identity;
      witness.#mustHaveJoined(driveId, slot);
      witness.#slots.set(driveId, slot);
      add.call(this, drive);
      witness.#current.set(driveId, this.get(slot));
    };
    drives.addJoining = function (drive) {
      const { driveId, slot } = drive.identity;
      if (!witness.#inherited.has(driveId)) witness.#inherited.set(driveId, witness.#completedWith(slot));
      witness.#slots.set(driveId, slot);
      witness.#joining.add(driveId);
      addJoining.call(this, drive);
      witness.#current.set(driveId, this.joining(slot));
    };
    drives.admit = function (slot) {
      witness.#mustHaveTakenOver(this.joining(slot));
      return admit.call(this, slot);
    };
    return () => Object.assign(drives, { add, addJoining, admit });
  }

  #isOfDeadProcess(replica: Acceptor): boolean {
    return (this.#current.get(replica.driveId) ?? replica) !== replica;
  }

  /** By partition, the highest ballot that a take-over quorum followed to which a drive in that slot belonged. */
  #completedWith(slot: string): Map<number, Ballot> {
    const highest = new Map<number, Ballot>();
    for (const { partition, ballot, driveIds } of this.#followers.values()) {
      const slots = new Set([...driveIds].map((driveId) => this.#slots.get(driveId)));
      if (!slots.has(slot) || slots.size < this.#quorumsOf(partition).takeOver) continue;
      const before = highest.get(partition);
      if (before === undefined || compareBallots(ballot, before) > 0) highest.set(partition, ballot);
    }
    return highest;
  }

  #mustHaveJoined(driveId: string, slot: string): void {
    const isFirst = [...this.#slots].every(([other, held]) => held !== slot || other === driveId);
    if (!isFirst && !this.#inherited.has(driveId))
      this.#broken({ driveId }, 'votes in the place of a lost one at once');
  }

  #mustHaveTakenOver(replica: Acceptor): void {
    const { driveId } = replica;
    this.#joining.delete(driveId);
    for (const [partition, ballot] of this.#inherited.get(driveId) ?? []) {
      const promised = this.#promised.get(`${driveId} ${partition}`);
      if (promised !== undefined && compareBallots(promised, ballot) >= 0) continue;
      const what = promised === undefined ? 'no promise' : `the promise ${ballotText(promised)}`;
      this.#broken(
        replica,
        `votes with ${what} in partition ${partition}, where the lost one had promised ${ballotText(ballot)}`,
      );
    }
  }

  #wordOf({ driveId }: Acceptor, partition: number, keys: readonly RegisterKey[]): Word {
    const newest = keys.map((key) => this.#newest.get(`${driveId} ${key}`));
    return { promised: this.#promised.get(`${driveId} ${partition}`), newest };
  }

  #granted(replica: Acceptor, partition: number, ballot: Ballot, before: Word): void {
    this.#mustKeepPromise(replica, partition, ballot, before.promised, 'promised to follow');
    this.#promises(replica, partition, ballot);
    if (!this.#joining.has(replica.driveId)) this.#followersOf(partition, ballot).add(replica.driveId);
  }

  #followersOf(partition: number, ballot: Ballot): Set<string> {
    const name = `${partition} ${ballotText(ballot)}`;
    const following = this.#followers.get(name) ?? { partition, ballot, driveIds: new Set() };
    this.#followers.set(name, following);
    return following.driveIds;
  }

  #mustBeFollowed(replica: Acceptor, { partition, ballot }: AcceptGroup): void {
    const followers = this.#followersOf(partition, ballot).size;
    const { takeOver } = this.#quorumsOf(partition);
    if (followers >= takeOver) return;
    this.#broken(
      replica,
      `is asked to accept under ${ballotText(ballot)}, which ${followers} follow and ${takeOver} must`,
    );
  }

  #accepted(replica: Acceptor, { partition, ballot, entries }: AcceptGroup, before: Word): void {
    this.#mustKeepPromise(replica, partition, ballot, before.promised, 'accepted under');
    this.#promises(replica, partition, ballot);
    entries.forEach(({ key, sequence }, at) => {
      this.#holds(replica, key, { ballot, sequence }, before.newest[at]);
    });
  }

  #mustBeDecided(replica: Acceptor, key: RegisterKey, version: Version): void {
    const holders = setAt(this.#holders, `${key} ${versionText(version)}`).size;
    const { write } = this.#quorumsOf(key === MAP_KEY ? MAP_PARTITION : 0);
    if (holders >= write) return;
    this.#broken(replica, `is taught ${versionText(version)} of ${key}, which only ${holders} of ${write} ever held`);
  }

  #mustKeepPromise(
    replica: Acceptor,
    partition: number,
    ballot: Ballot,
    promised: Ballot | undefined,
    deed: string,
  ): void {
    if (promised === undefined || compareBallots(ballot, promised) >= 0) return;
    this.#broken(
      replica,
      `${deed} ${ballotText(ballot)} in partition ${partition} after it promised ${ballotText(promised)}`,
    );
  }

  #promises({ driveId }: Acceptor, partition: number, ballot: Ballot): void {
    const before = this.#promised.get(`${driveId} ${partition}`);
    if (before === undefined || compareBallots(ballot, before) > 0)
      this.#promised.set(`${driveId} ${partition}`, ballot);
  }

  /** atLeast: what it was known to hold before it was asked. */
  #holds(replica: Acceptor, key: RegisterKey, version: Version, atLeast: Version | undefined): void {
    if (atLeast !== undefined && compareVersions(version, atLeast) < 0)
      this.#broken(replica, `has ${versionText(version)} of ${key} after it had ${versionText(atLeast)}`);
    setAt(this.#holders, `${key} ${versionText(version)}`).add(replica.driveId);
    const name = `${replica.driveId} ${key}`;
    const before = this.#newest.get(name);
    if (before === undefined || compareVersions(version, before) > 0) this.#newest.set(name, version);
  }

  #quorumsOf(partition: number): { write: number; takeOver: number } {
    const { scheme, keeperCount } = this.#options;
    if (partition !== MAP_PARTITION) return registerQuorums(scheme);
    const write = keeperMajority(keeperCount);
    return { write, takeOver: keeperCount - write + 1 };
  }

  #broken({ driveId }: Pick<Acceptor, 'driveId'>, what: string): void {
    this.#options.onBroken(new PromiseBroken('protocol', `the replica on drive ${driveId} ${what}`));
  }
}

const keysOf = (entries: AcceptGroup['entries']): RegisterKey[] => entries.map(({ key }) => key);

const ballotText = ({ round, proposer }: Ballot): string => `${round}.${proposer}`;

const versionText = ({ ballot, sequence }: Version): string => `${ballotText(ballot)}.${sequence}`;

function setAt(sets: Map<string, Set<string>>, name: string): Set<string> {
  const known = sets.get(name);
  if (known !== undefined) return known;
  const made = new Set<string>();
  sets.set(name, made);
  return made;
}
