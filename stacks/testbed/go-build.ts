// Programs that are built from their sources through the Go module proxy, once, into the user's cache: what no Debian package and no
// registry that we could count on has.
import { chmod, copyFile, cp, mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ProgramError, runProgram, tryProgram } from '../run-program.ts';

export interface GoBuild {
  /** With go.mod; copied, so that nothing is written into it. */
  readonly sources: string;
  /** What to build of it: ".", or the path of a package that it requires. */
  readonly target: string;
  /** By name of the variable in its package: what the linker writes there. */
  readonly variables?: Readonly<Record<string, string>>;
  readonly program: string;
}

export const cacheDirectory = () => join(homedir(), '.cache', 'ashlar');

export function hasGo(): Promise<boolean> {
  return tryProgram('go', ['version']).then(
    ({ exitCode }) => exitCode === 0,
    (error: unknown) => {
      if (error instanceof ProgramError) return false;
      throw error;
    },
  );
}

/** Takes minutes. Aside first, then renamed, so that an interruption leaves nothing that looks whole. Rejects with ProgramError. */
export async function buildGoProgram({ sources, target, variables = {}, program }: GoBuild): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'ashlar-go-'));
  try {
    await cp(sources, directory, { recursive: true });
    const built = join(directory, 'built.program');
    const flags = ['-s -w', ...Object.entries(variables).map(([name, value]) => `-X ${name}=${value}`)].join(' ');
    const args = ['build', '-mod=mod', '-trimpath', '-ldflags', flags, '-o', built, target];
    await runProgram('env', ['CGO_ENABLED=0', 'nice', 'go', ...args], { cwd: directory });
    await mkdir(dirname(program), { recursive: true });
    const beside = `${program}.${process.pid}`;
    await copyFile(built, beside);
    await chmod(beside, 0o755);
    await rename(beside, program);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
