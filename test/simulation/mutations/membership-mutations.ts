// Mistakes in who belongs to the cluster, and who may vote in it.
import type { Focus } from '../plan.ts';
import type { Mutation } from './mutation.ts';

const REPLACED_DRIVES: Focus = {
  program: 'registers',
  faults: ['replaced-drives', 'partition', 'kill'],
  faultsMs: 60_000,
  faultIntervalMs: 500,
  clientCount: 6,
  keyCount: 1,
  thinkMeanMs: 20,
};

export const MEMBERSHIP_MUTATIONS: readonly Mutation[] = [
  {
    name: 'founded-before-all-are-there',
    breaks: 'a node founds a cluster without waiting for every listed peer',
    edits: [
      {
        file: 'node/core/founding.ts',
        from: "if (missing.length > 0) return { kind: 'wait', reason:",
        to: "if (missing.length < 0) return { kind: 'wait', reason:",
      },
    ],
    focus: { program: 'registers', faults: ['partition'], strikesFounding: true },
    firstSeed: 0,
  },
  {
    name: 'wiped-replica-votes-at-once',
    breaks: 'a drive that replaces a lost one votes before it has caught up',
    edits: [
      {
        file: 'node/cluster/member.ts',
        from: '    this.#joining.add(slot);\n    replacement.replicas.addJoining(this.drives',
        to: '    replacement.replicas.add(this.drives',
      },
    ],
    focus: REPLACED_DRIVES,
    firstSeed: 0,
  },
  {
    name: 'promises-not-taken-over',
    breaks: 'a drive that replaces a lost one does not take over the promises that were given',
    edits: [
      {
        file: 'node/cluster/member.ts',
        from: '() => running.takePromises(slot));',
        to: 'async () => {});',
      },
    ],
    focus: REPLACED_DRIVES,
    firstSeed: 0,
  },
  {
    name: 'admitted-before-promises',
    breaks:
      'a drive that replaces a lost one is compared, and votes, while it still asks for the promises that were given',
    edits: [
      {
        file: 'node/cluster/member.ts',
        from: 'if (!this.#hasPromises.has(slot) || this.running.catchUp.isToBeCompared(slot)) return;',
        to: '',
      },
      {
        file: 'node/cluster/member.ts',
        from: 'for (const slot of [...replicas.slots(), ...this.#hasPromises]) catchUp.compare(slot);',
        to: 'for (const slot of [...replicas.slots(), ...this.#joining]) catchUp.compare(slot);',
      },
    ],
    focus: { ...REPLACED_DRIVES, faults: ['replaced-drives', 'lossy', 'kill', 'broken-connections'] },
    firstSeed: 0,
  },
];
