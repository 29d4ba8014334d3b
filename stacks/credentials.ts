// The secrets of a cluster: how they are chosen when a cluster is made, and how they are read from files.
import { randomBytes, randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import type { ClusterSpec } from '../spec/cluster-spec.ts';

/** Of the root user, who may do everything. */
export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** A file of a secret that is named and cannot be read. */
export class SecretFileError extends Error {
  override readonly name = 'SecretFileError';
  readonly kind = 'input';
}

/** What the spec gives, and at random what it leaves open. Relative files that it names start at specDirectory. */
export function chooseCredentials(spec: ClusterSpec, specDirectory: string): Credentials {
  const { accessKey, secretKeyFile } = spec.root;
  return {
    accessKeyId: accessKey ?? `ASHLAR${randomText(14, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567')}`,
    secretAccessKey:
      secretKeyFile === null
        ? randomText(40, 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789')
        : readSecret(isAbsolute(secretKeyFile) ? secretKeyFile : join(specDirectory, secretKeyFile)),
  };
}

/** By which nodes know each other. */
export function chooseClusterSecret(): string {
  return randomBytes(32).toString('hex');
}

/** Without white space around it. */
export function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (error) {
    throw new SecretFileError(`the secret in ${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}

/** Letters and digits only, so that no shell and no URL needs them quoted. */
function randomText(length: number, alphabet: string): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
