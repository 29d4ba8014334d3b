// Asks a node on this machine whether it is alive. For health checks of containers, whose images hold no other HTTP client; so it
// loads next to nothing, and starts in a fraction of a second on a busy machine.
import { request } from 'node:http';

/** null: alive; else why not, in one line. */
export type HealthCheckResult = string | null;

const PATH = '/_ashlar/health/live';
const PORT_DEFAULT = 9000;
const LOOPBACK = '127.0.0.1';
/** Under which a node that listens on every address is reached from its own machine. */
const EVERY_ADDRESS = new Set(['', '0.0.0.0', '[::]']);

export interface HealthAddress {
  readonly host: string;
  readonly port: number;
}

/** listen: as the node's own --listen (ASHLAR_LISTEN); undefined or empty where it was not given. Null when it is no address. */
export function healthAddress(listen: string | undefined): HealthAddress | null {
  if (listen === undefined || listen === '') return { host: LOOPBACK, port: PORT_DEFAULT };
  const match = /^(.*):(\d{1,5})$/.exec(listen);
  if (match === null) return null;
  const host = match[1]!;
  return { host: EVERY_ADDRESS.has(host) ? LOOPBACK : host.replace(/^\[(.*)\]$/, '$1'), port: Number(match[2]) };
}

/** Never rejects: whatever happens is an answer. */
export function checkHealth({ host, port }: HealthAddress, timeoutMs: number): Promise<HealthCheckResult> {
  return new Promise((resolve) => {
    const where = `http://${host}:${port}${PATH}`;
    const asked = request(
      { host, port, path: PATH, agent: false, signal: AbortSignal.timeout(timeoutMs) },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200 ? null : `${where} answered ${response.statusCode}`);
      },
    );
    asked.once('error', (error) => {
      const why = error.name === 'AbortError' ? `no answer within ${timeoutMs} ms` : error.message;
      resolve(`${where}: ${why}`);
    });
    asked.end();
  });
}
