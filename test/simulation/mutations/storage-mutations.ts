// Mistakes on one drive: what is acknowledged is not on the disk, or is not what was written.
import type { Focus } from '../plan.ts';
import type { Mutation } from './mutation.ts';

const POWER_CUTS: Focus = {
  program: 'registers',
  faults: ['power-cut'],
  faultsMs: 20_000,
  faultIntervalMs: 500,
  thinkMeanMs: 20,
};

export const STORAGE_MUTATIONS: readonly Mutation[] = [
  {
    name: 'log-not-synced',
    breaks: 'a write is acknowledged before the log is synced',
    edits: [
      {
        file: 'node/storage/commit-log.ts',
        from: '    this.#syncs++;\n    await file.sync();',
        to: '    this.#syncs++;',
      },
    ],
    focus: POWER_CUTS,
    firstSeed: 0,
  },
  {
    name: 'log-file-name-not-synced',
    breaks: 'a new log file is used before its name in the directory is durable',
    edits: [
      {
        file: 'node/storage/commit-log.ts',
        from: '      await this.#sync(file);\n      await this.#disk.syncDirectory(LOG_DIRECTORY);\n    } catch',
        to: '      await this.#sync(file);\n    } catch',
      },
    ],
    focus: POWER_CUTS,
    firstSeed: 0,
  },
  {
    name: 'failed-sync-repeated',
    breaks: 'a sync that failed is tried again, and its second success believed',
    edits: [
      {
        file: 'node/storage/commit-log.ts',
        from: '    try {\n      await this.#sync(file);\n    } catch (error) {\n      throw this.#health.fail(error);\n    }\n    const place',
        to: '    await this.#sync(file).catch(() => this.#sync(file));\n    const place',
      },
    ],
    focus: { ...POWER_CUTS, faults: ['power-cut', 'disk-errors'] },
    firstSeed: 0,
  },
  {
    name: 'checksums-of-shards-not-compared',
    breaks: 'neither the drive nor the reader compares the checksums of shards',
    edits: [
      {
        file: 'node/storage/shard-readers.ts',
        from: 'if (crc !== blockCrcs[block])',
        to: 'if (crc === undefined)',
      },
      {
        file: 'node/format/block-seal.ts',
        from: 'if (view.readUInt32LE(view.length - SEAL_BYTES) !== checksum(name, view)) return null;',
        to: 'void checksum(name, view);',
      },
    ],
    focus: { ...POWER_CUTS, program: 'node', faults: ['bitrot'], thinkMeanMs: 100 },
    firstSeed: 0,
  },
];
