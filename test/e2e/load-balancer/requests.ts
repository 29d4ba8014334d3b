// What S3 asks of a balancer, request by request: signed headers and paths arrive as they were sent, 100 Continue comes from whom it
// should, ranges and heads are right, and what is the nodes' own stays theirs.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { run } from '../programs.ts';
import { bodyOf, makeLabel } from '../traffic/bodies.ts';
import type { RunningBalancer } from './program.ts';
import { BUCKET, connectionTo, DOMAIN, type Site, sdkFor } from './site.ts';

const LARGE_BYTES = 20_000_000;

export async function requests(site: Site, balancer: RunningBalancer): Promise<void> {
  await oddKeysAndMetadata(site, balancer);
  await rangesAndHeads(site, balancer);
  await reservedPaths(site, balancer);
  await bucketHosts(site, balancer);
  await upgrades(site, balancer);
  await continues(site, balancer);
  await statistics(site, balancer);
  await awsCli(site, balancer);
}

/** Written through the balancer, read from a node: both must mean the same object. */
async function oddKeysAndMetadata(site: Site, { kind, endpoint }: RunningBalancer): Promise<void> {
  const through = connectionTo(site, endpoint);
  const straight = connectionTo(site, site.faulty.endpoints[0]!);
  const keys = ['a//b', 'x/../y', './z', 'sp%20ace', 'plus%2B', 'sub/', '_ashlar/status', '%C3%A4'];
  for (const [index, key] of keys.entries()) {
    const path = `/${BUCKET}/${key}`;
    const body = Buffer.from(`${kind} ${index}`);
    const headers = { 'x-amz-meta-under_score': 'kept', 'x-amz-meta-dash-ed': 'kept too' };
    const put = await through.call({ method: 'PUT', path, body, headers });
    expect(put.status, 200, `PUT ${key}`);
    const got = await straight.call({ method: 'GET', path });
    expect(got.body.toString(), body.toString(), `${key} read from a node`);
    expect(got.headers['x-amz-meta-under_score'], 'kept', `metadata of ${key}`);
    expect((await through.call({ method: 'GET', path })).body.toString(), body.toString(), `${key} read back`);
  }
  through.close();
  straight.close();
  site.say(
    `${kind}: ${keys.length} keys with "//", "..", escapes and spaces, and metadata with "_", are the same on both sides`,
  );
}

async function rangesAndHeads(site: Site, { kind, endpoint }: RunningBalancer): Promise<void> {
  const s3 = connectionTo(site, endpoint);
  const label = makeLabel(kind === 'nginx' ? 'rn' : 'rh', 1, 3_000_000, false);
  const body = bodyOf(label);
  const path = `/${BUCKET}/${label}`;
  await s3.call({ method: 'PUT', path, body });
  const head = await s3.call({ method: 'HEAD', path });
  expect(head.headers['content-length'], String(body.length), 'length by HEAD');
  expect(head.headers.etag, `"${createHash('md5').update(body).digest('hex')}"`, 'ETag by HEAD');
  const part = await s3.call({ method: 'GET', path, headers: { range: 'bytes=1000000-1999999' } });
  expect(part.status, 206, 'status of a range');
  expect(part.body.equals(body.subarray(1_000_000, 2_000_000)), true, 'bytes of a range');
  expect((await s3.call({ method: 'HEAD', path: `/${BUCKET}/absent` })).status, 404, 'HEAD of what is not there');
  expect((await s3.call({ method: 'DELETE', path })).status, 204, 'DELETE');
  s3.close();
}

async function reservedPaths({ say }: Site, { kind, endpoint }: RunningBalancer): Promise<void> {
  const closed: [string, string][] = [
    ['GET', '/_ashlar/status'],
    ['GET', '/_ashlar/metrics'],
    ['GET', '/_ashlar/peer'],
    ['POST', '/_ashlar/scrub'],
    ['GET', '/metrics'],
    ['GET', '/metrics?x=1'],
  ];
  for (const [method, path] of closed) {
    const answer = await fetch(endpoint + path, { method });
    expect(answer.status, 403, `${method} ${path}`);
    expect((await answer.text()).includes('<Code>AccessDenied</Code>'), true, `the document of ${path}`);
  }
  const ready = await fetch(`${endpoint}/_ashlar/health/ready`);
  expect(ready.status, 200, 'health');
  await ready.text();
  say(`${kind}: ${closed.length} paths of the nodes themselves are refused, health is answered`);
}

/** Below a bucket's host name every path is a key. */
async function bucketHosts(site: Site, { endpoint }: RunningBalancer): Promise<void> {
  const { port } = new URL(endpoint);
  const bucket = `hosted-${port}`;
  const plain = sdkFor(site, endpoint);
  await plain.send(new CreateBucketCommand({ Bucket: bucket }));
  plain.destroy();
  const s3 = sdkFor(site, `http://${DOMAIN}:${port}`, { forcePathStyle: false });
  const target = { Bucket: bucket, Key: '_ashlar/status' };
  const put = new URL(await getSignedUrl(s3, new PutObjectCommand(target)));
  expect(put.host, `${bucket}.${DOMAIN}:${port}`, 'host of a virtual-host URL');
  expect((await ask(put, 'PUT', endpoint, {}, 'a key')).status, 200, 'PUT of a key below a bucket host');
  const got = await ask(new URL(await getSignedUrl(s3, new GetObjectCommand(target))), 'GET', endpoint);
  expect(got.body, 'a key', 'GET of a key below a bucket host');
  s3.destroy();
}

/** curl --http2 offers to leave HTTP/1.1; a node would take any offer for another node's. */
async function upgrades(site: Site, { endpoint }: RunningBalancer): Promise<void> {
  const url = await presigned(site, endpoint, 'GET', 'a//b');
  const answer = await ask(url, 'GET', endpoint, { connection: 'Upgrade', upgrade: 'h2c' });
  expect(answer.status, 200, 'GET with an offer to upgrade');
}

async function continues(site: Site, { kind, endpoint }: RunningBalancer): Promise<void> {
  const label = makeLabel(kind === 'nginx' ? 'cn' : 'ch', 1, LARGE_BYTES, false);
  const right = await presigned(site, endpoint, 'PUT', label);
  const wanted = await statusesOf(right, bodyOf(label));
  expect(wanted.join(), '100,200', 'an awaited body that is wanted');
  const wrong = new URL(right);
  wrong.searchParams.set('X-Amz-Signature', '0'.repeat(64));
  const refused = await statusesOf(wrong, bodyOf(label));
  // nginx says 100 itself, before any node has seen the request.
  expect(refused.join(), kind === 'haproxy' ? '403' : '100,403', 'an awaited body that is refused');
  site.say(
    `${kind}: 100 Continue and then ${wanted.at(-1)} for a right upload; ${refused.join(', then ')} for a wrong one`,
  );
}

async function statistics({ faulty, say }: Site, { kind, statsEndpoint }: RunningBalancer): Promise<void> {
  const text = await (await fetch(`${statsEndpoint}${kind === 'haproxy' ? '/metrics' : '/'}`)).text();
  if (kind === 'nginx') {
    expect(/^Active connections: \d+/.test(text), true, 'stub_status');
    return;
  }
  const up = faulty.nodes.filter((node) =>
    text.includes(`haproxy_server_status{proxy="nodes",server="${node}",state="UP"} 1`),
  );
  expect(up.join(), faulty.nodes.join(), 'nodes that the statistics call up');
  say(`${kind}: its metrics say that ${up.join(', ')} are up`);
}

async function awsCli(site: Site, { kind, endpoint }: RunningBalancer): Promise<void> {
  const { credentials, region } = site.faulty.cluster;
  const env = {
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    AWS_REGION: region,
    HOME: site.directory,
  };
  const file = join(site.directory, `${kind}.bin`);
  const copy = `
    head -c 30000000 /dev/urandom > "${file}"
    aws --endpoint-url ${endpoint} s3 cp --quiet "${file}" s3://${BUCKET}/${kind}.bin
    aws --endpoint-url ${endpoint} s3 cp --quiet s3://${BUCKET}/${kind}.bin - | cmp - "${file}"`;
  const { seconds } = await run('bash', ['-euo', 'pipefail', '-c', copy], { env });
  site.say(`${kind}: aws cli copies 30 MB in parts, there and back, in ${seconds.toFixed(1)} s`);
}

export async function presigned(site: Site, endpoint: string, method: 'GET' | 'PUT', key: string): Promise<URL> {
  const s3 = sdkFor(site, endpoint);
  const target = { Bucket: BUCKET, Key: key };
  const url = await getSignedUrl(s3, method === 'PUT' ? new PutObjectCommand(target) : new GetObjectCommand(target));
  s3.destroy();
  return new URL(url);
}

/** Statuses as they come, 100 included; the body is sent when it is asked for. */
async function statusesOf(url: URL, body: Buffer): Promise<number[]> {
  const socket = connect(Number(url.port), url.hostname);
  const statuses: number[] = [];
  socket.write(
    `PUT ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\nContent-Length: ${body.length}\r\nExpect: 100-continue\r\n\r\n`,
  );
  socket.on('data', (data) => {
    for (const [, status] of data.toString('latin1').matchAll(/^HTTP\/1\.1 (\d{3})/gm)) {
      statuses.push(Number(status));
      if (status === '100') socket.write(body);
      else socket.destroy();
    }
  });
  // A body that nobody wants any more may be cut off while it is sent.
  socket.on('error', () => {});
  await once(socket, 'close');
  return statuses;
}

/** Asks the balancer, whatever host the URL names. */
async function ask(
  url: URL,
  method: string,
  endpoint: string,
  headers: Readonly<Record<string, string>> = {},
  body = '',
): Promise<{ status: number; body: string }> {
  const { hostname, port } = new URL(endpoint);
  const path = `${url.pathname}${url.search}`;
  const outgoing = request({ hostname, port, method, path, headers: { ...headers, host: url.host } });
  outgoing.end(body);
  const [response] = await once(outgoing, 'response');
  let text = '';
  for await (const piece of response) text += piece;
  return { status: response.statusCode, body: text };
}

function expect(found: unknown, wanted: unknown, what: string): void {
  if (found !== wanted) throw new Error(`${what}: ${String(found)}, and ${String(wanted)} was expected`);
}
