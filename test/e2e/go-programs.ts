// Programs of other people that suites run, built from their sources through the Go module proxy once, into a cache outside the
// repository.
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { isInstalled, run } from './programs.ts';

const DIRECTORY = join(homedir(), '.cache', 'ashlar', 'bin');

export class GoProgram {
  readonly #target: string;
  readonly #file: string;
  #preparing: Promise<string> | null = null;

  /** "MODULE/PACKAGE@VERSION", as "go install" takes it. */
  constructor(target: string) {
    this.#target = target;
    this.#file = join(DIRECTORY, basename(target.split('@')[0]!));
  }

  /** Why there is none and none can be made; null when there is one, or will be. */
  async obstacle(): Promise<string | null> {
    if (existsSync(this.#file) || (await isInstalled('go'))) return null;
    return `there is neither ${this.#file} nor a go on the PATH to build it with`;
  }

  /** Once for all who ask. Resolves with the path of the program. Rejects when it cannot be built. */
  prepare(): Promise<string> {
    this.#preparing ??= this.#findOrBuild();
    return this.#preparing;
  }

  async #findOrBuild(): Promise<string> {
    if (existsSync(this.#file)) return this.#file;
    await mkdir(DIRECTORY, { recursive: true });
    // go puts the finished program in its place by renaming.
    const env = { GOBIN: DIRECTORY, CGO_ENABLED: '0' };
    await run('nice', ['go', 'install', '-trimpath', '-ldflags', '-s -w', this.#target], { env });
    return this.#file;
  }
}

export const MINIO = new GoProgram('github.com/minio/minio@latest');
/** Plays the kubelets of as many nodes as it is asked to. */
export const KWOK = new GoProgram('sigs.k8s.io/kwok/cmd/kwok@v0.7.0');
