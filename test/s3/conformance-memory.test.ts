// The conformance suite over the store in memory; what depends on the region also where it is not the oldest one.
import { describe } from 'vitest';
import { buckets } from './conformance/buckets.ts';
import { describeS3 } from './conformance/suite.ts';
import { useTarget } from './conformance/target.ts';
import { startMemoryServer } from './memory-server.ts';

describeS3('S3 over a store in memory', () => startMemoryServer());

describe('S3 over a store in memory, in eu-central-1', () => {
  describe('buckets', () => buckets(useTarget(() => startMemoryServer({ region: 'eu-central-1' }))));
});
