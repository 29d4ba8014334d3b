// The docker engine of a host.
import { request } from 'node:http';
import { join } from 'node:path';
import { NETWORK } from '../layout.ts';
import { turnOn } from '../power.ts';
import type { SwarmHost, SwarmLayout } from './layout.ts';

const PING_TIMEOUT_MS = 5_000;

/** Resolves when it answers. */
export function turnOnEngine(layout: SwarmLayout, host: SwarmHost): Promise<void> {
  return turnOn(layout, host, engineCommand(host), answers);
}

function engineCommand(host: SwarmHost): string[] {
  return [
    'dockerd',
    ...['--host', host.dockerHost],
    ...['--data-root', join(host.directory, 'docker')],
    ...['--exec-root', '/run/docker'],
    ...['--pidfile', '/run/docker.pid'],
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ...['--cgroup-parent', host.cgroup],
    ...['--storage-driver', 'overlay2'],
    ...['--insecure-registry', NETWORK],
    ...['--log-level', 'warn'],
  ];
}

function answers({ socket: socketPath }: SwarmHost): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request(
      { socketPath, path: '/_ping', agent: false, signal: AbortSignal.timeout(PING_TIMEOUT_MS) },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    asked.once('error', () => resolve(false));
    asked.end();
  });
}
