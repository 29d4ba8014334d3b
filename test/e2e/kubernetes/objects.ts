// Objects taken to a real API server as Pulumi's provider takes them: by server-side apply, each under the same manager of its fields.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Manifest } from '../../../stacks/kubernetes/manifest.ts';
import { type ProgramResult, run } from '../programs.ts';

const MANAGER = ['--server-side', '--field-manager=pulumi-kubernetes'];
/** Of "kubectl diff": there is a difference. */
const DIFFERENT = 1;

export function applied(kubeconfig: string, manifest: Manifest): Promise<void> {
  return appliedAll(kubeconfig, [manifest]);
}

export async function appliedAll(kubeconfig: string, manifests: readonly Manifest[]): Promise<void> {
  await withFile(manifests, (file) => kubectl(kubeconfig, ['apply', ...MANAGER, '-f', file]));
}

/** What applying them would change, as a text; empty: nothing. */
export function differences(kubeconfig: string, manifests: readonly Manifest[]): Promise<string> {
  return withFile(manifests, async (file) => {
    const { exitCode, stdout, stderr } = await kubectl(kubeconfig, ['diff', ...MANAGER, '-f', file], false);
    if (exitCode > DIFFERENT) throw new Error(`kubectl diff failed: ${stderr}`);
    return stdout;
  });
}

/** Waits until it is gone, and what belongs to it as well. */
export async function deleted(kubeconfig: string, { kind, metadata }: Manifest): Promise<void> {
  const place = metadata.namespace === undefined ? [] : ['--namespace', metadata.namespace];
  await kubectl(kubeconfig, [...place, 'delete', kind, metadata.name, '--cascade=foreground', '--ignore-not-found']);
}

function kubectl(kubeconfig: string, args: readonly string[], mustSucceed = true): Promise<ProgramResult> {
  return run('kubectl', ['--kubeconfig', kubeconfig, ...args], { mustSucceed });
}

async function withFile<T>(items: readonly Manifest[], act: (file: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'ashlar-objects-'));
  const file = join(directory, 'objects.json');
  try {
    // Secrets are among them.
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }), { mode: 0o600 });
    return await act(file);
  } finally {
    rmSync(directory, { recursive: true });
  }
}
