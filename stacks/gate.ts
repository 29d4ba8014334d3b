// The question that every rollout asks before it takes something down: may this node, or this zone, be spared now? Asks the
// cluster's own answer (GET /_ashlar/health/spare) of one node after the other, until one of them answers; decides nothing.
import { setTimeout as delay } from 'node:timers/promises';

export type GateTarget = { readonly node: string } | { readonly zone: string };

export type GateAnswer =
  | { readonly kind: 'clear' }
  /** Not now; a sentence each. */
  | { readonly kind: 'blocked'; readonly reasons: readonly string[] }
  /** The question is wrong, and asking again will not help: no such node or zone, or the token is not the cluster's. */
  | { readonly kind: 'refused'; readonly message: string };

export interface GateProps {
  readonly target: GateTarget;
  /** Base URLs ("http://host:port") of nodes, or of what is in front of them, best first. Nobody else is asked. */
  readonly endpoints: readonly string[];
  /** Bearer token of the admin interface. */
  readonly token: string;
  /** For one answer of one node. Default 10,000. */
  readonly answerTimeoutMs?: number;
}

export interface GateWait {
  readonly timeoutMs: number;
  /** Default 1,000. */
  readonly pollMs?: number;
  /** Told of every answer that says "not now" in other words than the one before. */
  readonly onBlocked?: (reasons: readonly string[]) => void;
}

const ANSWER_TIMEOUT_MS = 10_000;

/** Asks once. Never rejects: that nobody answers is a reason not to go on. */
export async function askGate({
  target,
  endpoints,
  token,
  answerTimeoutMs = ANSWER_TIMEOUT_MS,
}: GateProps): Promise<GateAnswer> {
  const silent: string[] = [];
  for (const endpoint of endpoints) {
    const answer = await askOne(endpoint, target, token, answerTimeoutMs);
    if (answer.kind !== 'silent') return answer;
    silent.push(answer.reason);
  }
  return { kind: 'blocked', reasons: silent.length > 0 ? silent : ['there is no node to ask: none runs'] };
}

/** Asks until the gate is clear, the question turns out to be wrong, or the time is over. */
export async function waitForGate(props: GateProps, wait: GateWait): Promise<GateAnswer> {
  const endMs = performance.now() + wait.timeoutMs;
  let told = '';
  for (;;) {
    const answer = await askGate(props);
    if (answer.kind !== 'blocked') return answer;
    const words = answer.reasons.join('\n');
    if (words !== told) wait.onBlocked?.(answer.reasons);
    told = words;
    if (performance.now() >= endMs) return answer;
    await delay(Math.min(wait.pollMs ?? 1_000, Math.max(0, endMs - performance.now())));
  }
}

/** The node answers, and says that it has not joined a cluster yet. */
export async function isStarting(endpoint: string, token: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/_ashlar/status', endpoint), {
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    return response.status === 503 && ((await response.json()) as { error?: unknown }).error === 'starting';
  } catch {
    return false;
  }
}

type OneAnswer = GateAnswer | { readonly kind: 'silent'; readonly reason: string };

async function askOne(endpoint: string, target: GateTarget, token: string, timeoutMs: number): Promise<OneAnswer> {
  const url = new URL('/_ashlar/health/spare', endpoint);
  for (const [name, value] of Object.entries(target)) url.searchParams.set(name, value);
  let status: number;
  let body: unknown;
  try {
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, connection: 'close' },
      signal: AbortSignal.timeout(timeoutMs),
    });
    status = response.status;
    body = await response.json();
  } catch (error) {
    return { kind: 'silent', reason: `${endpoint} gives no answer: ${whyOf(error)}` };
  }
  const { ok, reasons, message } = body as { ok?: unknown; reasons?: unknown; message?: unknown };
  if (status === 200 && ok === true) return { kind: 'clear' };
  if (status === 503 && Array.isArray(reasons)) return { kind: 'blocked', reasons: reasons.map(String) };
  const said = typeof message === 'string' ? message : `${endpoint} answered with HTTP status ${status}`;
  return status >= 400 && status < 500 ? { kind: 'refused', message: said } : { kind: 'silent', reason: said };
}

/** fetch hides the reason in the cause. */
function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
}
