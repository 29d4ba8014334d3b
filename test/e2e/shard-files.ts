// Reads the shard files of bare drives and verifies every byte of them: the outside view of what a drive holds, without the node.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SHARD_DIRECTORY } from '../../node/storage/names.ts';
import { BlockSums, decodeShardFooter, decodeShardHeader, shardDataStart } from '../../node/storage/shard-format.ts';

const FOOTER_MAGIC = 'ASHLREND';

export interface ShardFilesReport {
  readonly files: number;
  /** Paths of those with a wrong byte. */
  readonly damaged: readonly string[];
}

/** Files that the running node removes meanwhile are left out. */
export async function verifyShardFiles(drives: readonly string[]): Promise<ShardFilesReport> {
  let files = 0;
  const damaged: string[] = [];
  for (const drive of drives) {
    const entries = await readdir(join(drive, SHARD_DIRECTORY), { recursive: true, withFileTypes: true }).catch(
      () => [],
    );
    for (const entry of entries.filter((candidate) => candidate.isFile())) {
      const file = join(entry.parentPath, entry.name);
      const bytes = await readFile(file).catch(() => null);
      if (bytes === null) continue;
      files++;
      if (!isIntact(bytes)) damaged.push(file);
    }
  }
  return { files, damaged };
}

function isIntact(file: Buffer): boolean {
  try {
    const header = decodeShardHeader(file);
    const footerAt = file.lastIndexOf(FOOTER_MAGIC);
    const footer = decodeShardFooter(file.subarray(footerAt));
    const start = shardDataStart(header.attributes.length);
    const sums = new BlockSums(header, header.generation);
    sums.add(file.subarray(start, footerAt));
    const found = sums.finish();
    return (
      footer.sizeBytes === footerAt - start &&
      found.length === footer.blockCrcs.length &&
      found.every((crc, block) => crc === footer.blockCrcs[block])
    );
  } catch {
    // A header or footer that cannot be read is a wrong byte in it.
    return false;
  }
}
