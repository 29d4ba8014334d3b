// The conformance suite against a real cluster: four nodes of two drives each, through the endpoint in front of them.
import { createTestCluster } from '../../stacks/local/test-cluster.ts';
import { describeS3 } from './conformance/suite.ts';

const DOMAIN = 's3.example.test';

describeS3('S3 over a cluster of four nodes', async () => {
  const cluster = await createTestCluster({ domains: [DOMAIN] });
  const { endpoint, region, credentials } = cluster;
  return { endpoint, region, credentials, domain: DOMAIN, stop: () => cluster.stop() };
});
