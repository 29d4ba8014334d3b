// What the local target asks of a running node over HTTP: whether it is ready, how the cluster is, to admit a blank drive and to scrub.
import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import type { StatusReport } from '../../node/admin/status.ts';

export interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const ANSWER_BYTES_MAX = 16 * 1024 * 1024;

/** 'silent': something holds the port and does not answer in time, which a busy, stopped or hung process has in common. */
export type HealthAnswer = 'yes' | 'no' | 'silent';

/** Whether the node is live (its process works) or ready (it serves). A refused connection is a no. */
export async function fetchHealth(
  address: NodeAddress,
  question: 'live' | 'ready',
  timeoutMs: number,
): Promise<HealthAnswer> {
  try {
    const answer = await ask(address, 'GET', `/_ashlar/health/${question}`, { timeoutMs });
    return answer.status === 200 ? 'yes' : 'no';
  } catch (error) {
    return error instanceof Error && error.name === 'TimeoutError' ? 'silent' : 'no';
  }
}

/** null when the node does not answer or does not know us. */
export async function fetchStatus(
  address: NodeAddress,
  secret: string,
  timeoutMs: number,
): Promise<StatusReport | null> {
  const answer = await ask(address, 'GET', '/_ashlar/status', { timeoutMs, token: adminToken(secret) }).catch(
    () => null,
  );
  return answer?.status === 200 ? (JSON.parse(answer.body) as StatusReport) : null;
}

/** Asks the cluster to take the blank drive of this slot in place of the one that was lost. The answer tells why not. */
export function replaceDrive(
  address: NodeAddress,
  secret: string,
  slot: string,
  timeoutMs: number,
): Promise<HttpAnswer> {
  const body = JSON.stringify({ slot });
  return ask(address, 'POST', '/_ashlar/drives/replace', { timeoutMs, token: adminToken(secret), body });
}

/** Has all nodes scrub all drives from the start. null when the node does not answer. */
export async function startScrub(
  address: NodeAddress,
  secret: string,
  timeoutMs: number,
): Promise<{ started: string[]; silent: string[] } | null> {
  const answer = await ask(address, 'POST', '/_ashlar/scrub', { timeoutMs, token: adminToken(secret) }).catch(
    () => null,
  );
  return answer?.status === 200 ? (JSON.parse(answer.body) as { started: string[]; silent: string[] }) : null;
}

/** The bearer token of the admin interface: derived, so that the cluster secret itself never travels. */
export function adminToken(secret: string): string {
  return createHmac('sha256', secret).update('ashlar admin').digest('hex');
}

interface AskOptions {
  readonly timeoutMs: number;
  readonly token?: string;
  readonly body?: string;
}

/** One request on a connection of its own, so that nothing is left open between a cluster's start and its stop. */
function ask(address: NodeAddress, method: string, path: string, options: AskOptions): Promise<HttpAnswer> {
  const headers: Record<string, string> = { connection: 'close' };
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  if (options.body !== undefined) headers['content-type'] = 'application/json';
  const signal = AbortSignal.timeout(Math.ceil(options.timeoutMs));
  return new Promise((resolve, reject) => {
    const outgoing = request({ ...address, method, path, headers, signal, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      let size = 0;
      response.on('data', (piece: Buffer) => {
        size += piece.length;
        if (size > ANSWER_BYTES_MAX) outgoing.destroy(new Error('the answer is too large'));
        else pieces.push(piece);
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(pieces).toString('utf8') }),
      );
      response.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    });
    // An aborted request fails with an error that does not say why it was aborted; the signal does.
    outgoing.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    outgoing.end(options.body);
  });
}
