// Mistakes in the protocol of the registers (docs/consistency.md): every rule of it, left out once.
import { type Focus, SHAPES } from '../plan.ts';
import type { Mutation } from './mutation.ts';

const ACCEPTOR = 'node/cluster/acceptor.ts';
const PROPOSER = 'node/cluster/proposer.ts';

/** Proposers take each other's place all the time. */
const RIVALS: Focus = {
  program: 'registers',
  faults: ['kill', 'partition', 'pause', 'lossy'],
  faultsMs: 20_000,
  faultIntervalMs: 500,
  clientCount: 6,
  keyCount: 1,
  thinkMeanMs: 20,
};
const POWER_CUTS: Focus = { ...RIVALS, faults: ['power-cut', 'partition', 'lossy'] };

export const REGISTER_MUTATIONS: readonly Mutation[] = [
  {
    name: 'accept-acknowledged-too-early',
    breaks: 'a replica acknowledges a proposal that is not yet durable',
    edits: [
      {
        file: ACCEPTOR,
        from: '    await durable;\n    groups.forEach',
        to: '    durable.catch(() => {});\n    groups.forEach',
      },
    ],
    focus: POWER_CUTS,
    firstSeed: 0,
  },
  {
    name: 'promise-not-synced',
    breaks: 'a promise is answered before it is durable',
    edits: [
      {
        file: ACCEPTOR,
        from: '    await this.#drive.commit([this.#partitionWrite(partition, state)]);',
        to: '    this.#drive.commit([this.#partitionWrite(partition, state)]).catch(() => {});',
      },
    ],
    focus: { ...POWER_CUTS, faults: ['power-cut', 'slow-disks'], faultIntervalMs: 100 },
    firstSeed: 0,
  },
  {
    name: 'promise-forgotten',
    breaks: 'a replica forgets its promises when its process ends',
    edits: [
      {
        file: ACCEPTOR,
        from: 'const stored = await this.#drive.get(partitionStoreKey(partition));',
        to: 'const stored = null;',
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'lower-ballot-accepted',
    breaks: 'a replica accepts a proposal under a lower ballot than it promised',
    edits: [{ file: ACCEPTOR, from: '        if (order < 0) return false;\n', to: '' }],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'older-version-taken',
    breaks: 'an older version of a register replaces a newer one',
    edits: [{ file: ACCEPTOR, from: 'if (order <= 0) return order === 0;', to: 'if (order === 0) return true;' }],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'read-back-without-promise',
    breaks: 'a replica answers a proposer whose ballot is no longer its promise',
    edits: [
      { file: ACCEPTOR, from: '    if (!isPromise()) return null;\n', to: '' },
      { file: ACCEPTOR, from: 'return isPromise() ? found : null;', to: 'return found;' },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'acknowledged-at-quorum-minus-one',
    breaks: 'a change is acknowledged with one replica fewer than the write quorum',
    edits: [
      {
        file: PROPOSER,
        from: 'const gathered = await gather(questions, ({ answered }) => answered >= group.quorums.write);',
        to: 'const gathered = await gather(questions, ({ answered }) => answered >= group.quorums.write - 1);',
      },
      {
        file: PROPOSER,
        from: 'if (gathered.answered < group.quorums.write) {',
        to: 'if (gathered.answered < group.quorums.write - 1) {',
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'taken-over-at-quorum-minus-one',
    breaks: 'a proposer acts with one promise fewer than a take-over quorum',
    edits: [
      {
        file: PROPOSER,
        from: `const gathered = await gather(questions, ({ answered }) => answered >= group.quorums.takeOver);
    if (gathered.answered < group.quorums.takeOver) throw lost(\`take-over`,
        to: `const gathered = await gather(questions, ({ answered }) => answered >= group.quorums.takeOver - 1);
    if (gathered.answered < group.quorums.takeOver - 1) throw lost(\`take-over`,
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'read-back-from-one-replica',
    breaks: 'after a take-over a key is read back from one replica instead of a quorum',
    edits: [
      {
        file: PROPOSER,
        from: `let gathered = await gather(questions, ({ answered }) => answered >= group.quorums.takeOver);
    if (gathered.answered < group.quorums.takeOver) {`,
        to: `let gathered = await gather(questions, ({ answered }) => answered >= 1);
    if (gathered.answered < 1) {`,
      },
      {
        file: 'node/cluster/read-back.ts',
        from: 'if (!isMarked && holders.length < group.quorums.write) return undefined;',
        to: 'void isMarked;',
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'undecided-value-believed',
    breaks: 'what is read back is told to clients without being proposed again',
    edits: [
      {
        file: 'node/cluster/read-back.ts',
        from: 'if (!isMarked && holders.length < group.quorums.write) return undefined;',
        to: 'void isMarked;',
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'marked-before-decided',
    breaks: 'replicas are told that everything proposed so far is decided',
    edits: [{ file: PROPOSER, from: 'return oldestOpen - 1;', to: 'return leadership.nextSequence - 1;' }],
    focus: { ...RIVALS, shape: SHAPES[1]! },
    firstSeed: 0,
  },
  {
    name: 'shared-ballots',
    breaks: 'two proposers use the same ballots',
    edits: [
      {
        file: PROPOSER,
        from: "this.#id = options.random.bytes(8).toString('hex');",
        to: "this.#id = '0000000000000001';",
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'condition-on-stale-value',
    breaks: 'a condition is evaluated against what this proposer knew under an earlier ballot',
    edits: [
      {
        file: 'node/cluster/record-cache.ts',
        from: 'if (entry === undefined || compareBallots(entry.ballot, ballot) !== 0) return undefined;',
        to: 'if (entry === undefined) return undefined;',
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'refusal-not-confirmed',
    breaks: 'a failed condition is answered without asking whether another proposer has taken over',
    edits: [
      {
        file: PROPOSER,
        from: '        } else {\n          await this.#confirm(leadership);\n        }\n        return { repeated: false',
        to: '        }\n        return { repeated: false',
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'settled-from-memory',
    breaks: 'a proposer tells readers what it remembers without asking whether another one has taken over',
    edits: [{ file: PROPOSER, from: 'if (cached !== undefined) await this.#confirm(leadership);', to: '' }],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'repeat-applied-twice',
    breaks: 'a change whose answer was lost is carried out again',
    edits: [
      {
        file: PROPOSER,
        from: 'const verdict = judgeAttempt(recent, attempt);',
        to: "const verdict = 'due' as ReturnType<typeof judgeAttempt>;",
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'read-from-one-replica',
    breaks: 'a read is answered by one replica',
    edits: [
      { file: 'node/cluster/register-client.ts', from: 'const { write } = group.quorums;', to: 'const write = 1;' },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'listed-from-too-few',
    breaks: 'a listing is answered without a take-over quorum of every partition',
    edits: [
      {
        file: 'node/cluster/register-scan.ts',
        from: 'if (lacking !== null) throw new UnavailableError(lacking);',
        to: '',
      },
    ],
    focus: { ...RIVALS, keyCount: 8 },
    firstSeed: 0,
  },
  {
    name: 'undecided-value-learned',
    breaks: 'a replica that was away learns the newest value that anybody has, decided or not',
    edits: [
      {
        file: 'node/cluster/register-scan.ts',
        from: 'const records = await Promise.all(batch.map(({ key }) => client.readRecord(key)));',
        to: `const records = await Promise.all(batch.map(async ({ key, newest, versions }) => {
        const { partition, replicas } = groups.groupOf(key);
        const from = replicas.find((other) => versions.has(other.slot) && compareVersions(versions.get(other.slot), newest.version) === 0);
        if (from === undefined) return null;
        const request = { slot: from.slot, partition, ballot: null, values: true, keys: [key] };
        const { registers: [found] } = await this.#options.rpc.call(from.node, REGISTER_METHODS.fetch, request);
        return { version: found.version, value: found.value };
      }));`,
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
  {
    name: 'tombstone-forgotten',
    breaks: 'a replica forgets a deleted register at once',
    edits: [
      {
        file: ACCEPTOR,
        from: "writes.push({ kind: 'put', key: ",
        to: "if (!value.live) writes.push({ kind: 'delete', key: 'R' + key });\n        else writes.push({ kind: 'put', key: ",
      },
    ],
    focus: RIVALS,
    firstSeed: 0,
  },
];
