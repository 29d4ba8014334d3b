// Drives that this process may not write: refused at the start, with what to do, rather than failing later one write at a time.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { whyNotWritable } from '../../node/open-drives.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'ashlar-drive-'));
});
afterEach(() => {
  chmodSync(directory, 0o700);
  rmSync(directory, { recursive: true });
});

/** As an ordinary user: nothing is closed to root, as which tests may run. */
function askAs(user: number, path: string): string {
  const module = join(import.meta.dirname, '..', '..', 'node', 'open-drives.ts');
  const drop = process.getuid?.() === 0 ? `process.setgid(${user}); process.setuid(${user});` : '';
  const program = `import { whyNotWritable } from ${JSON.stringify(module)}; ${drop} console.log(await whyNotWritable(${JSON.stringify(path)}));`;
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' }).trim();
}

test('a directory that can be written is none', async () => {
  expect(await whyNotWritable(directory)).toBeNull();
});

test('a directory that this user may not write says whose it is, who the node is, and what to run', () => {
  chmodSync(directory, 0o555);
  const user = process.getuid?.() === 0 ? 10_001 : process.getuid!();
  const said = askAs(10_001, directory);
  expect(said).toContain(`${directory} is not writable for user ${user}`);
  expect(said).toContain(`belongs to user ${process.getuid!()} and has mode 555`);
  expect(said).toContain(`chown -R ${user}:`);
});

test('a directory that is not there is somebody else’s finding', async () => {
  expect(await whyNotWritable(join(directory, 'absent'))).toBeNull();
});
