// Loopback ports: free ones for new nodes, and who is in the way when one is taken.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';

export const LOOPBACK = '127.0.0.1';

const LOWEST_PORT = 10_240;
const DEFAULT_EPHEMERAL_LOW = 32_768;
const ATTEMPTS_MAX = 2_000;
const RELEASE_ATTEMPTS = 20;
const RELEASE_INTERVAL_MS = 50;

/**
 * So many free ports, not in `exclude`. They lie below the range from which the kernel serves outgoing connections, because a
 * stopped node must find its port free when it comes back. Somebody else may still be faster: whoever listens must check.
 */
export async function findFreePorts(count: number, exclude: ReadonlySet<number> = new Set()): Promise<number[]> {
  const highest = Math.max(ephemeralLow() - 1, LOWEST_PORT + 1_000);
  const ports = new Set<number>();
  for (let attempt = 0; ports.size < count && attempt < ATTEMPTS_MAX; attempt++) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (highest - LOWEST_PORT));
    if (!ports.has(port) && !exclude.has(port) && (await isFree(port))) ports.add(port);
  }
  if (ports.size < count) throw new Error(`found only ${ports.size} of ${count} free ports on ${LOOPBACK}`);
  return [...ports];
}

/** Whether a server could listen there now. Rejects when the port may not be used at all (below 1024 without privileges). */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(false);
      else reject(error);
    });
    probe.listen({ port, host: LOOPBACK, exclusive: true }, () => probe.close(() => resolve(true)));
  });
}

/** Like isFree, but gives a process that was just ended the time to let go of its port. */
export async function becomesFree(port: number): Promise<boolean> {
  for (let attempt = 0; attempt < RELEASE_ATTEMPTS; attempt++) {
    if (await isFree(port)) return true;
    await setTimeout(RELEASE_INTERVAL_MS);
  }
  return isFree(port);
}

/** "process 1234 (rclone serve)", or null when that cannot be found out: another user's process, or not Linux. */
export function portHolder(port: number): string | null {
  try {
    const inode = listeningInode(port);
    if (inode === null) return null;
    for (const pid of readdirSync('/proc').filter((entry) => /^[0-9]+$/.test(entry))) {
      if (holdsSocket(pid, inode)) {
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ').trim();
        return `process ${pid} (${command.length > 60 ? `${command.slice(0, 60)}…` : command})`;
      }
    }
  } catch {
    // Naming the holder is a courtesy; the port is named in any case.
  }
  return null;
}

function ephemeralLow(): number {
  try {
    const low = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').trim().split(/\s+/)[0]);
    return Number.isSafeInteger(low) && low > 0 ? low : DEFAULT_EPHEMERAL_LOW;
  } catch {
    return DEFAULT_EPHEMERAL_LOW;
  }
}

/** proc(5), /proc/net/tcp: local address as hexadecimal ADDRESS:PORT, state 0A is LISTEN, the tenth column is the inode. */
function listeningInode(port: number): string | null {
  const wanted = port.toString(16).toUpperCase().padStart(4, '0');
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of readFileSync(table, 'utf8').split('\n').slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[1]?.endsWith(`:${wanted}`) && columns[3] === '0A') return columns[9] ?? null;
    }
  }
  return null;
}

function holdsSocket(pid: string, inode: string): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`;
      } catch {
        return false;
      }
    });
  } catch {
    return false;
  }
}
