// TLS that ends at the balancer, and TLS that is passed on to the nodes: what is written through it is read back with a client that
// trusts only the one certificate.
import { readFile, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { connect, type Server } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { GetObjectCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import { run } from '../programs.ts';
import { bodyOf, makeLabel } from '../traffic/bodies.ts';
import { check, type Kind, RunningBalancer, render } from './program.ts';
import { BUCKET, type Site, sdkFor } from './site.ts';

export interface Certificate {
  /** Certificate and key in one. */
  readonly file: string;
  readonly pem: string;
}

export async function makeCertificate(directory: string): Promise<Certificate> {
  const [key, certificate, file] = ['key.pem', 'certificate.pem', 's3.pem'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = [
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-days',
    '2',
    ...subject,
  ];
  await run('openssl', [...made, '-keyout', key, '-out', certificate]);
  const pem = (await readFile(certificate, 'utf8')) + (await readFile(key, 'utf8'));
  await writeFile(file, pem);
  return { file, pem };
}

export async function encrypted(site: Site, kind: Kind, certificate: Certificate): Promise<void> {
  const directory = join(site.directory, `${kind}-tls`);
  const rendered = await render(kind, directory, site.specFile, ['--certificate', certificate.file]);
  await check(rendered);
  await using balancer = await RunningBalancer.start(rendered);
  await writeAndRead(site, balancer, certificate);
  site.say(`${kind}: TLS ends at the balancer`);
}

/** The nodes speak plain HTTP, so each gets something in front that ends TLS, as a side-car would. */
export async function passedThrough(site: Site, kind: Kind, certificate: Certificate): Promise<void> {
  const fronts = await Promise.all(site.faulty.endpoints.map((endpoint) => tlsFront(endpoint, certificate)));
  try {
    const specFile = join(site.directory, `${kind}-fronts.yaml`);
    const spec = JSON.parse(await readFile(site.specFile, 'utf8'));
    for (const [index, name] of Object.keys(spec.nodes).entries()) {
      spec.nodes[name].address = `127.0.0.1:${(fronts[index]!.address() as { port: number }).port}`;
    }
    await writeFile(specFile, JSON.stringify(spec));
    const directory = join(site.directory, `${kind}-passthrough`);
    const rendered = await render(kind, directory, specFile, ['--tls-passthrough']);
    await check(rendered);
    await using balancer = await RunningBalancer.start(rendered);
    await writeAndRead(site, balancer, certificate);
    site.say(`${kind}: TLS is passed on`);
  } finally {
    for (const front of fronts) front.close();
  }
}

async function writeAndRead(site: Site, { kind, endpoint }: RunningBalancer, { pem }: Certificate): Promise<void> {
  const httpsAgent = new Agent({ ca: pem, keepAlive: true });
  const s3 = sdkFor(site, endpoint.replace('http:', 'https:'), { requestHandler: { httpsAgent } });
  for (const [index, sizeBytes] of [500, 300_000, 9_000_000].entries()) {
    const label = makeLabel(kind === 'nginx' ? 'tn' : 'th', index, sizeBytes, false);
    await s3.send(new PutObjectCommand({ Bucket: BUCKET, Key: label, Body: bodyOf(label) }));
    const { Body } = await s3.send(new GetObjectCommand({ Bucket: BUCKET, Key: label }));
    if (!bodyOf(label).equals(await Body!.transformToByteArray())) throw new Error(`${kind}: ${label} came back wrong`);
  }
  s3.destroy();
  httpsAgent.destroy();
}

function tlsFront(endpoint: string, { pem }: Certificate): Promise<Server> {
  const { hostname, port } = new URL(endpoint);
  const server = createServer({ key: pem, cert: pem }, (client) => {
    const node = connect(Number(port), hostname);
    client.pipe(node).pipe(client);
    client.on('error', () => node.destroy());
    node.on('error', () => client.destroy());
    client.on('close', () => node.destroy());
    node.on('close', () => client.destroy());
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve(server));
  });
}
