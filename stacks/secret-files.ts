// The secrets of a cluster that is deployed to other machines, as files beside its project: drawn once, by a command, and never again by
// a deploy, because nodes with another cluster secret are strangers to those that run.
import { chmodSync, existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ClusterSpec } from '../spec/cluster-spec.ts';
import { type Credentials, chooseClusterSecret, chooseCredentials, readSecret } from './credentials.ts';

/** What only the deploying person's machine knows. */
export interface ClusterSecrets extends Credentials {
  readonly clusterSecret: string;
}

export const SECRET_FILES = {
  clusterSecret: 'cluster-secret',
  rootUser: 'root-user',
  rootPassword: 'root-password',
} as const;

/** The directory must not be there. Either all of it is there afterwards or nothing; only its owner can read it. */
export function writeSecretFiles(directory: string, spec: ClusterSpec, specDirectory: string): void {
  const building = `${directory}.${process.pid}.new`;
  const credentials = chooseCredentials(spec, specDirectory);
  mkdirSync(building, { recursive: true, mode: 0o700 });
  chmodSync(dirname(directory), 0o700);
  const write = (file: string, secret: string) => writeFileSync(join(building, file), secret, { mode: 0o600 });
  write(SECRET_FILES.clusterSecret, chooseClusterSecret());
  write(SECRET_FILES.rootUser, credentials.accessKeyId);
  write(SECRET_FILES.rootPassword, credentials.secretAccessKey);
  renameSync(building, directory);
}

/** null when there is no such directory; with a file missing it is refused, because new ones would not fit the running cluster. */
export function readSecretFiles(directory: string): ClusterSecrets | null {
  if (!existsSync(directory)) return null;
  return {
    clusterSecret: readSecret(join(directory, SECRET_FILES.clusterSecret)),
    accessKeyId: readSecret(join(directory, SECRET_FILES.rootUser)),
    secretAccessKey: readSecret(join(directory, SECRET_FILES.rootPassword)),
  };
}
