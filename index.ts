// What other programs may use of Ashlar. Everything else is free to change.
export type { DriveReport, HealReport, NodeReport, StatusReport } from './node/admin/status.ts';
export { makePlan } from './plan/make-plan.ts';
export type * from './plan/plan.ts';
export type {
  ClusterSpec,
  Engine,
  FailureDomain,
  ParseResult,
  SpecDrive,
  SpecNode,
  SpecProblem,
} from './spec/cluster-spec.ts';
export { parseClusterSpec } from './spec/parse.ts';
export type { Credentials } from './stacks/credentials.ts';
export type { CorruptionProps, FlippedByte } from './stacks/local/corruption.ts';
export { LocalError } from './stacks/local/errors.ts';
export {
  createTestCluster,
  TestCluster,
  type TestClusterOptions,
  type TestNode,
} from './stacks/local/test-cluster.ts';
export type { TestShape } from './stacks/local/test-spec.ts';
export type { WordedErrorKind } from './stacks/worded-error.ts';
