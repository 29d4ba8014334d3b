// Detached processes that outlive the command that started them: a record on disk says which process it is, so that a later
// command can find it, and never signals a stranger that was given the same process id.
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProcessRecord {
  readonly pid: number;
  /** Tells this process from any other that has or had the same id: the boot and the moment of its start. */
  readonly startMark: string;
}

export interface ProcessProps {
  readonly program: string;
  readonly arguments: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly workingDirectory: string;
  /** Gets stdout and stderr, appended. */
  readonly logFile: string;
  readonly recordFile: string;
  /** Gives the process a stdin that ends when the starter does, however it ends. */
  readonly holdStdin?: boolean;
}

export interface ProcessExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface StartedProcess {
  readonly record: ProcessRecord;
  /** Resolves when the process ends while the starter still lives. */
  readonly exited: Promise<ProcessExit>;
  readonly stdin: Writable | null;
}

const LOG_BYTES_MAX = 16 * 1024 * 1024;
const POLL_MS = 20;

/** Starts the process in a session of its own; the starter may end at any time without taking it along. */
export function startProcess(props: ProcessProps): StartedProcess {
  mkdirSync(dirname(props.logFile), { recursive: true });
  mkdirSync(dirname(props.recordFile), { recursive: true });
  rotate(props.logFile);
  const log = openSync(props.logFile, 'a', 0o600);
  try {
    const child = spawn(props.program, props.arguments, {
      cwd: props.workingDirectory,
      env: props.environment,
      detached: true,
      stdio: [props.holdStdin === true ? 'pipe' : 'ignore', log, log],
    });
    // Without a pid the program could not be started at all; the error itself arrives as an event.
    const exited = new Promise<ProcessExit>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    if (child.pid === undefined) {
      exited.catch(() => {});
      throw new Error(`cannot start ${props.program}`);
    }
    const record = { pid: child.pid, startMark: startMark(child.pid) ?? '' };
    writeRecord(props.recordFile, record);
    child.unref();
    // The pipe must not keep the starter alive: its end is the very thing that the process waits for.
    if (child.stdin !== null && 'unref' in child.stdin) (child.stdin as unknown as { unref(): void }).unref();
    return { record, exited, stdin: child.stdin };
  } finally {
    closeSync(log);
  }
}

/** null when there is no record, or none that can be read. */
export function readRecord(recordFile: string): ProcessRecord | null {
  try {
    const value: unknown = JSON.parse(readFileSync(recordFile, 'utf8'));
    if (typeof value !== 'object' || value === null || !('pid' in value) || !('startMark' in value)) return null;
    const { pid, startMark: mark } = value;
    return Number.isSafeInteger(pid) && (pid as number) > 1 && typeof mark === 'string'
      ? { pid: pid as number, startMark: mark }
      : null;
  } catch {
    return null;
  }
}

/** Whether exactly this process is still there; a zombie is not. */
export function isAlive(record: ProcessRecord | null): record is ProcessRecord {
  return record !== null && record.startMark !== '' && startMark(record.pid) === record.startMark;
}

/** Signals the process and everything that it started. False when it is gone already. */
export function signalProcess(record: ProcessRecord | null, signal: NodeJS.Signals): boolean {
  if (!isAlive(record)) return false;
  try {
    process.kill(-record.pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** True when the process was gone before the deadline, and before the signal said not to wait any longer. */
export async function waitUntilGone(
  record: ProcessRecord | null,
  deadlineMs: number,
  hurry?: AbortSignal,
): Promise<boolean> {
  const endMs = performance.now() + deadlineMs;
  while (isAlive(record)) {
    if (performance.now() >= endMs || hurry?.aborted === true) return false;
    await delay(POLL_MS);
  }
  return true;
}

/** The record of this very process. */
export function ownRecord(): ProcessRecord {
  return { pid: process.pid, startMark: startMark(process.pid) ?? '' };
}

export function removeRecord(recordFile: string): void {
  rmSync(recordFile, { force: true });
}

function writeRecord(recordFile: string, record: ProcessRecord): void {
  writeFileSync(`${recordFile}.new`, `${JSON.stringify(record)}\n`, { mode: 0o600 });
  renameSync(`${recordFile}.new`, recordFile);
}

/** One old log is kept, so that a cluster which runs for months does not fill the disk of whoever forgot it. */
function rotate(logFile: string): void {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.1`);
}

/** null when no such process runs. */
function startMark(pid: number): string | null {
  return process.platform === 'linux' ? linuxStartMark(pid) : portableStartMark(pid);
}

/**
 * proc(5): the 22nd field of /proc/PID/stat, in ticks since the boot; the third is the state, the 20th the number of threads. The
 * second may hold spaces. A killed process is a zombie from the moment its first thread is gone, and keeps its ports and files
 * until the last one is, which a thread in the middle of a sync takes its time for.
 */
function linuxStartMark(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (fields[0] === 'X' || (fields[0] === 'Z' && Number(fields[17]) <= 1)) return null;
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()}/${fields[19]}`;
  } catch {
    return null;
  }
}

function portableStartMark(pid: number): string | null {
  try {
    const output = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
    return output === '' || output.startsWith('Z') ? null : output.replace(/^\S+\s+/, '');
  } catch {
    return null;
  }
}
