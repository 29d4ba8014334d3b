// Debian packages that suites need: looked for by their programs, and installed where this process may.
import { isInstalled, run } from './programs.ts';
import type { Suite } from './suite.ts';

/** Installs those that are absent. Resolves with why they are absent still; null when all are there. */
export async function ensurePackages(packages: Suite['packages']): Promise<string | null> {
  const absent = new Set<string>();
  for (const { name, program } of packages) if (!(await isInstalled(program))) absent.add(name);
  if (absent.size === 0) return null;
  const names = [...absent];
  if (process.getuid?.() !== 0 || !(await isInstalled('apt-get'))) {
    return `needs ${names.join(', ')}, and only root can install them here with apt-get`;
  }
  console.log(`installing ${names.join(', ')} …`);
  const quiet = { env: { DEBIAN_FRONTEND: 'noninteractive' } };
  try {
    await run('apt-get', ['update', '-qq'], quiet);
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...names], quiet);
    return null;
  } catch (error) {
    return `installing ${names.join(', ')} failed: ${error instanceof Error ? error.message.split('\n')[0] : error}`;
  }
}
