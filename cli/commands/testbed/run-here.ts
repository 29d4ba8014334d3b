// Runs somebody's command with the terminal that this one has.
import { spawn } from 'node:child_process';

/** Resolves with its exit code. Rejects when it cannot be started. */
export function runHere([program, ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program!, args, { stdio: 'inherit' });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 128));
  });
}
