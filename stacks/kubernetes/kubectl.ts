// kubectl as a program, against one context and one namespace. Everything that this target asks a running Kubernetes goes through it: it has
// the logins of the person who runs it, of whatever kind those are.
import { spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { ProgramError, type ProgramResult, tryProgram } from '../run-program.ts';
import { KubernetesError } from './errors.ts';

export interface KubectlTarget {
  /** null: the current one of the kubeconfig. */
  readonly context: string | null;
  readonly namespace: string;
}

/** What others need of it, so that recorded answers can stand in for a cluster. */
export interface Kubectl {
  /** Resolves whatever the exit code is. Rejects with ProgramError when kubectl is not there. */
  try(args: readonly string[], stdin?: string): Promise<ProgramResult>;
  /** A way to a port of a pod, until it is closed. */
  forward(pod: string, port: number): Promise<Forwarding>;
}

export interface Forwarding {
  readonly url: string;
  close(): void;
}

const FORWARD_TIMEOUT_MS = 20_000;

export function kubectlOf({ context, namespace }: KubectlTarget): Kubectl {
  const flags = [...(context === null ? [] : ['--context', context]), '--namespace', namespace];
  return {
    try: (args, stdin) =>
      tryProgram('kubectl', [...flags, ...args], stdin === undefined ? {} : { stdin: Readable.from([stdin]) }),
    forward: (pod, port) => forward([...flags, 'port-forward', `pod/${pod}`, `:${port}`], pod),
  };
}

/** The answer of `kubectl … -o json`. Throws KubernetesError with what it said when it failed. */
export async function readJson(kubectl: Kubectl, args: readonly string[]): Promise<unknown> {
  return JSON.parse(await runKubectl(kubectl, [...args, '-o', 'json'])) as unknown;
}

export async function runKubectl(kubectl: Kubectl, args: readonly string[], stdin?: string): Promise<string> {
  const { exitCode, stdout, stderr } = await kubectl.try(args, stdin);
  if (exitCode === 0) return stdout;
  const said = stderr.trim().split('\n').at(-1) ?? '';
  throw new KubernetesError('failure', `"kubectl ${args.join(' ')}" failed: ${said}`);
}

/** It prints the port that it found, and stays. */
function forward(args: readonly string[], pod: string): Promise<Forwarding> {
  return new Promise((resolve, reject) => {
    const child = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill();
      reject(new KubernetesError('failure', `no way to pod ${pod}: ${why}`));
    };
    const timer = setTimeout(() => fail('kubectl port-forward says nothing'), FORWARD_TIMEOUT_MS);
    child.once('error', (error) => fail(error.message));
    child.once('close', () => fail(stderr.trim().split('\n').at(-1) ?? 'kubectl port-forward ended'));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString('utf8');
    });
    child.stdout.on('data', (chunk: Buffer) => {
      const port = /127\.0\.0\.1:([0-9]+)/.exec(chunk.toString('utf8'))?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve({ url: `http://127.0.0.1:${port}`, close: () => child.kill() });
    });
  });
}

/** Of a Kubernetes that cannot be asked: why, in one line. */
export function whyUnreachable(error: unknown): string {
  if (error instanceof ProgramError || error instanceof KubernetesError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
