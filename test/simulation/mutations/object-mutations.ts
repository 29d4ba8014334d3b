// Mistakes in bodies and in who owns them: shards that are not there when they are needed, or deleted while they are.
import { type Focus, SHAPES } from '../plan.ts';
import type { Mutation } from './mutation.ts';

const LOST_ANSWERS: Focus = {
  program: 'node',
  faults: ['kill', 'lossy', 'partition'],
  faultsMs: 20_000,
  faultIntervalMs: 500,
  thinkMeanMs: 100,
  keyCount: 3,
};

export const OBJECT_MUTATIONS: readonly Mutation[] = [
  {
    name: 'acknowledged-with-too-few-shards',
    breaks: 'a body is acknowledged when its data shards are durable, without parity',
    edits: [
      {
        file: 'node/cluster/blob-writer.ts',
        from: '    await this.#placeAll(this.#positions(), (slot, position) =>',
        to: '    await this.#placeAll(this.#positions().slice(0, this.#k), (slot, position) =>',
      },
      {
        file: 'node/cluster/blob-writer.ts',
        from: 'if (this.#slots.size !== this.#k + this.#m || written.length < this.#k) {',
        to: 'if (written.length < this.#k) {',
      },
    ],
    focus: { ...LOST_ANSWERS, faults: ['replaced-drives'] },
    firstSeed: 0,
  },
  {
    name: 'owned-blob-condemned',
    breaks: 'a blob of unknown fate is collected though the register owns it',
    edits: [
      {
        file: 'node/core/blob-ownership.ts',
        from: "  if (owned.has(blob.blobId)) return keep('owned', record.condemned.length);\n",
        to: '',
      },
    ],
    focus: { ...LOST_ANSWERS, faults: ['partition', 'lossy'], faultsMs: 60_000, shape: SHAPES[3]! },
    firstSeed: 0,
  },
  {
    name: 'collected-before-condemned',
    breaks: 'a blob of unknown fate is collected, and a late flip to it is not refused',
    edits: [
      {
        file: 'node/core/blob-ownership.ts',
        from: 'const banned = [...new Set([...record.banned, blob.blobId])];',
        to: 'const banned = record.banned;',
      },
    ],
    focus: {
      ...LOST_ANSWERS,
      faults: ['stray', 'partition', 'lossy'],
      faultsMs: 60_000,
      keyCount: 1,
      shape: SHAPES[3]!,
    },
    firstSeed: 0,
  },
  {
    name: 'kept-parts-collected',
    breaks: 'cleaning up after an upload collects the parts that the object took over',
    edits: [
      {
        file: 'node/core/part-commands.ts',
        from: 'const dropped = partBlobs(record).filter(({ blobId }) => !kept.has(blobId));',
        to: 'const dropped = kept.size < 0 ? [] : partBlobs(record);',
      },
      {
        file: 'node/cluster/register-mender.ts',
        from: 'const owned = blobIds(objectBlobs(object));\n    const moved',
        to: 'const owned = blobIds(objectBlobs({ ...object, versions: [] }));\n    const moved',
      },
    ],
    focus: { ...LOST_ANSWERS, faults: [], keyCount: 8, shape: SHAPES[3]!, faultsMs: 5_000, thinkMeanMs: 20 },
    firstSeed: 0,
  },
  {
    name: 'healthy-while-behind',
    breaks: 'health does not count what is known to be missing',
    edits: [
      {
        file: 'node/cluster/cluster-status.ts',
        from: 'pending: report.healing?.pending ?? 0,',
        to: 'pending: 0,',
      },
      {
        file: 'node/cluster/cluster-status.ts',
        from: 'comparedSinceMapChange: report.healing?.comparedSinceMapChange ?? false,',
        to: 'comparedSinceMapChange: true,',
      },
    ],
    focus: { ...LOST_ANSWERS, faults: ['kill', 'replaced-drives'], shape: SHAPES[3]! },
    firstSeed: 0,
  },
  {
    name: 'healthy-by-another-map',
    breaks: 'health counts what a node has compared by an older map than the one that is judged',
    edits: [
      {
        file: 'node/core/health.ts',
        from: 'if (condition.epoch !== map.epoch) reasons.push(otherEpoch(name, condition, map));\n    else if (condition.pending',
        to: 'if (condition.pending',
      },
    ],
    focus: { ...LOST_ANSWERS, faults: ['replaced-drives', 'stray'], faultsMs: 60_000 },
    firstSeed: 0,
  },
];
