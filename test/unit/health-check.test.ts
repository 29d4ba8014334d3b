// The health check of a container: which address it asks, and what it makes of the answers.
import { execFile } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { checkHealth, healthAddress } from '../../node/health-check.ts';

const TIMEOUT_MS = 30_000;
const PROGRAM = join(import.meta.dirname, '..', '..', 'node', 'health-main.ts');

describe('the address follows from what the node was told to listen on', () => {
  const cases: readonly (readonly [listen: string | undefined, address: ReturnType<typeof healthAddress>])[] = [
    [undefined, { host: '127.0.0.1', port: 9000 }],
    ['', { host: '127.0.0.1', port: 9000 }],
    [':9100', { host: '127.0.0.1', port: 9100 }],
    ['0.0.0.0:9100', { host: '127.0.0.1', port: 9100 }],
    ['[::]:9100', { host: '127.0.0.1', port: 9100 }],
    ['10.0.0.7:9100', { host: '10.0.0.7', port: 9100 }],
    ['[fd00::7]:9100', { host: 'fd00::7', port: 9100 }],
    ['9100', null],
    ['node:port', null],
  ];
  for (const [listen, address] of cases) {
    test(`${listen ?? '(not given)'}`, () => expect(healthAddress(listen)).toEqual(address));
  }
});

describe('a node is', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  /** A server that answers with this status; null: never. Resolves with its port. */
  function serve(status: number | null): Promise<number> {
    return new Promise((resolve) => {
      server = createServer((request, response) => {
        if (status !== null) response.writeHead(request.url === '/_ashlar/health/live' ? status : 404).end('{}');
      });
      server.listen(0, '127.0.0.1', () => resolve((server!.address() as AddressInfo).port));
    });
  }
  const check = (port: number, timeoutMs = TIMEOUT_MS) => checkHealth({ host: '127.0.0.1', port }, timeoutMs);

  test('alive when it says so', async () => {
    expect(await check(await serve(200))).toBeNull();
  });

  test('not alive when it says so, answers nothing, or is not there', async () => {
    const port = await serve(503);
    expect(await check(port)).toBe(`http://127.0.0.1:${port}/_ashlar/health/live answered 503`);
    server!.close();
    expect(await check(await serve(null), 1)).toContain('no answer within 1 ms');
    const gone = await serve(200);
    await new Promise((resolve) => server!.close(resolve));
    expect(await check(gone)).toContain('ECONNREFUSED');
  });

  test('told by the exit code of the program, which knows the port from the variable or the flag', async () => {
    const run = (args: readonly string[], environment: Record<string, string>) =>
      new Promise<{ code: number; stderr: string }>((resolve) => {
        execFile(process.execPath, [PROGRAM, ...args], { env: environment }, (error, _, stderr) =>
          resolve({ code: error === null ? 0 : Number(error.code), stderr }),
        );
      });
    const port = await serve(200);
    expect(await run([], { ASHLAR_LISTEN: `:${port}` })).toEqual({ code: 0, stderr: '' });
    expect(await run(['--listen', `:${port}`], { ASHLAR_LISTEN: ':1' })).toEqual({ code: 0, stderr: '' });
    expect(await run([], { ASHLAR_LISTEN: ':1' })).toEqual({
      code: 1,
      stderr: expect.stringContaining('ECONNREFUSED'),
    });
    expect(await run(['--port', '1'], {})).toEqual({ code: 1, stderr: expect.stringContaining('usage') });
  });
});
