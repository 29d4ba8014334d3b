// What every S3 endpoint of ours must do, whatever is behind it. Runs against any target that can be started:
// `describeS3('over a real cluster', startCluster)`.
import { describe } from 'vitest';
import { addressing } from './addressing.ts';
import { buckets } from './buckets.ts';
import { conditions } from './conditions.ts';
import { copies } from './copies.ts';
import { deletions } from './deletions.ts';
import { documents } from './documents.ts';
import { listings } from './listings.ts';
import { metadata } from './metadata.ts';
import { multipart } from './multipart.ts';
import { multipartChecksums } from './multipart-checksums.ts';
import { objects } from './objects.ts';
import { ranges } from './ranges.ts';
import { refusals } from './refusals.ts';
import { type Target, useTarget } from './target.ts';

export function describeS3(name: string, start: () => Promise<Target>): void {
  describe(name, () => {
    const suite = useTarget(start);
    describe('buckets', () => buckets(suite));
    describe('objects', () => objects(suite));
    describe('metadata', () => metadata(suite));
    describe('ranges and parts of objects', () => ranges(suite));
    describe('conditional requests', () => conditions(suite));
    describe('deletions of many objects', () => deletions(suite));
    describe('copies', () => copies(suite));
    describe('listings', () => listings(suite));
    describe('multipart uploads', () => multipart(suite));
    describe('checksums of multipart uploads', () => multipartChecksums(suite));
    describe('addresses and keys', () => addressing(suite));
    describe('what is refused', () => refusals(suite));
    describe('documents and headers, to the letter', () => documents(suite));
  });
}
