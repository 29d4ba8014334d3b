// A storage node that stores nothing: it speaks the part of the node's contract that the local target relies on (command line,
// secrets by file, health, status, admission of blank drives, SIGTERM), so that the target can be tested by itself, and fast.
import { createHmac } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { DriveReport, StatusReport } from '../../node/admin/status.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    name: { type: 'string' },
    zone: { type: 'string' },
    scheme: { type: 'string' },
    listen: { type: 'string' },
    region: { type: 'string' },
  },
});
const [command, ...endpoints] = positionals;
const { name = '', zone = '', scheme = '', listen = '' } = values;
const secret = readSecret('ASHLAR_CLUSTER_SECRET_FILE');
readSecret('ASHLAR_ROOT_USER_FILE');
readSecret('ASHLAR_ROOT_PASSWORD_FILE');
const token = createHmac('sha256', secret).update('ashlar admin').digest('hex');
if (command !== 'server') refuse(`"${command}" is not a command`);

const all = endpoints.map((endpoint) => new URL(endpoint));
const own = all.filter((url) => url.host === listen).map((url) => url.pathname);
// The test's one way to make a node fail at its start.
if (existsSync(join(own[0]!, '..', 'refuse-to-start'))) refuse('the drive d1 belongs to another cluster');
// Drives are formatted once, at the node's very first start, as they are when a cluster is founded.
const founded = join(own[0]!, '..', 'founded');
if (!existsSync(founded)) {
  for (const drive of own) format(drive);
  writeFileSync(founded, '');
}

const server = createServer((request, response) => {
  if (request.url === '/_ashlar/health/live' || request.url === '/_ashlar/health/ready') respond(response, 200, 'ok');
  else if (request.url?.startsWith('/_ashlar/')) admin(request, response);
  else serve(request, response);
});
server.listen(Number(listen.split(':')[1]), listen.split(':')[0], () => log(`listening on ${listen}`));
server.on('error', (error) => refuse(error.message));
process.on('SIGTERM', () => {
  // The other of the test's ways: a node that does not want to go.
  if (existsSync(join(own[0]!, '..', 'ignore-sigterm'))) return;
  server.close(() => process.exit(0));
  server.closeIdleConnections();
});

/** Not S3: says who answers and how much came in, which is what a balancer's test wants to know. */
function serve(request: IncomingMessage, response: ServerResponse): void {
  let received = 0;
  request.on('data', (piece: Buffer) => {
    received += piece.length;
  });
  request.on('end', () => respond(response, 200, JSON.stringify({ node: name, received })));
}

function admin(request: IncomingMessage, response: ServerResponse): void {
  if (request.headers.authorization !== `Bearer ${token}`) respond(response, 403, 'not with this token');
  else if (request.url === '/_ashlar/status') respond(response, 200, JSON.stringify(status()));
  else if (request.url === '/_ashlar/drives/replace') replace(request, response);
  else respond(response, 404, 'no such thing');
}

function replace(request: IncomingMessage, response: ServerResponse): void {
  let body = '';
  request.on('data', (piece: Buffer) => {
    body += piece.toString();
  });
  request.on('end', () => {
    const { slot } = JSON.parse(body) as { slot: string };
    const drive = own.find((path) => slotOf(path) === slot);
    if (drive === undefined || isFormatted(drive)) {
      respond(response, 409, `drive ${slot} is not blank`);
    } else {
      format(drive);
      respond(response, 200, '{}');
    }
  });
}

function status(): StatusReport {
  const nodes = [...new Set(all.map((url) => url.pathname.split('/').at(-2)!))].map((node) => ({
    name: node,
    zone,
    address: '',
    reachable: true,
    epoch: 1,
    lives: {},
    ready: true,
    drives: all.filter((url) => url.pathname.split('/').at(-2) === node).map((url) => driveReport(url.pathname)),
    rssBytes: 0,
    healing: null,
    scrub: [],
  }));
  const reasons = nodes.flatMap((node) =>
    node.drives.flatMap((drive) => (drive.reason === null ? [] : [drive.reason])),
  );
  return {
    clusterId: '0'.repeat(32),
    scheme,
    epoch: 1,
    partitionCount: 128,
    health: reasons.length === 0 ? 'healthy' : 'degraded',
    reasons,
    nodes,
  };
}

function driveReport(path: string): DriveReport {
  const formatted = isFormatted(path);
  const reason = formatted ? null : `drive ${slotOf(path)} is ${isFile(path) ? 'not a directory' : 'blank'}`;
  const numbers = { totalBytes: 1, freeBytes: 1, shardCount: 0, shardBytes: 0 };
  return { slot: slotOf(path), state: formatted ? 'up' : 'unusable', reason, ...numbers };
}

function slotOf(path: string): string {
  return path.split('/').slice(-2).join('/');
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

function isFormatted(path: string): boolean {
  return existsSync(join(path, 'identity'));
}

function format(path: string): void {
  if (isFile(path)) return;
  mkdirSync(join(path, 'shards', 'ab'), { recursive: true });
  writeFileSync(join(path, 'identity'), slotOf(path));
  writeFileSync(join(path, 'shards', 'ab', 'abcdef'), Buffer.alloc(1_000, 7));
}

function readSecret(variable: string): string {
  const file = process.env[variable];
  if (file === undefined) return refuse(`${variable} is not set`);
  if ((statSync(file).mode & 0o077) !== 0) return refuse(`${file} can be read by others`);
  return readFileSync(file, 'utf8').trim();
}

function respond(response: ServerResponse, code: number, body: string): void {
  response.writeHead(code, { 'content-length': Buffer.byteLength(body) }).end(body);
}

function log(message: string): void {
  process.stderr.write(`${JSON.stringify({ level: 'info', message })}\n`);
}

function refuse(message: string): never {
  log(message);
  process.exit(1);
}
