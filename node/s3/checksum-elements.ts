// Checksums as XML elements: ChecksumCRC32, ChecksumCRC32C, ChecksumCRC64NVME, ChecksumSHA1, ChecksumSHA256.
import type { Checksums } from '../cluster/object-store.ts';
import { CHECKSUM_ALGORITHMS } from './body/checksums.ts';
import { element } from './xml.ts';
import { childText, type XmlElement } from './xml-reader.ts';

export const CHECKSUM_ELEMENTS: readonly string[] = CHECKSUM_ALGORITHMS.map(elementName);

export function checksumElements(checksums: Checksums): string {
  return Object.entries(checksums)
    .map(([algorithm, value]) => element(elementName(algorithm), value))
    .join('');
}

export function parseChecksums(parent: XmlElement): Checksums {
  const checksums: Record<string, string> = {};
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = childText(parent, elementName(algorithm));
    if (value !== null) checksums[algorithm] = value.trim();
  }
  return checksums;
}

function elementName(algorithm: string): string {
  return `Checksum${algorithm.toUpperCase()}`;
}
