// Nodes that are known by name, as in Swarm, where a service that is made anew gets a new address: a balancer starts before a name is
// known, takes the address when there is one, and notices when it changes.
import { createSocket, type Socket } from 'node:dgram';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from '../programs.ts';
import { check, type Kind, RunningBalancer, render } from './program.ts';
import type { Site } from './site.ts';
import { answering, until } from './zone-affinity.ts';

const DOMAIN = 'nodes.test';
/** Since when open-source nginx asks again for the names of an upstream. */
const NGINX_RESOLVES_SINCE = [1, 27, 3];
/** An address of this machine at which nobody listens. */
const NOBODY = '127.0.0.9';

export async function names(site: Site, kind: Kind): Promise<void> {
  const server = await NameServer.start();
  try {
    const spec = JSON.parse(await readFile(site.specFile, 'utf8'));
    for (const [name, node] of Object.entries<{ address: string }>(spec.nodes)) {
      node.address = `${name}.${DOMAIN}:${node.address.split(':')[1]}`;
      if (name !== 'c1') server.addresses.set(`${name}.${DOMAIN}`, '127.0.0.1');
    }
    const specFile = join(site.directory, `${kind}-names.yaml`);
    await writeFile(specFile, JSON.stringify(spec));
    const rendered = await render(kind, join(site.directory, `${kind}-names`), specFile, [
      '--name-server',
      `127.0.0.1:${server.port}`,
    ]);
    if (kind === 'nginx' && (await nginxIsTooOld(site))) return;
    await check(rendered);
    await using balancer = await RunningBalancer.start(rendered);
    // Nothing was known when it started; from here on no request may fail.
    await until('a node is known', async () => (await fetch(`${balancer.endpoint}/_ashlar/health/ready`)).ok);
    await until('the nodes with names answer', async () => (await answering(site, balancer)).join() === 'a1,b1,d1');
    server.addresses.set(`c1.${DOMAIN}`, '127.0.0.1');
    await until('c1 answers, too', async () => (await answering(site, balancer)).includes('c1'));
    server.addresses.set(`c1.${DOMAIN}`, NOBODY);
    await until('c1 is looked for elsewhere', async () => !(await answering(site, balancer)).includes('c1'));
    site.say(`${kind}: starts without the address of c1, takes it when it is known, and follows its change`);
  } finally {
    server.close();
  }
}

async function nginxIsTooOld({ say }: Site): Promise<boolean> {
  const { stderr } = await run('nginx', ['-v']);
  const version = /nginx\/(\d+)\.(\d+)\.(\d+)/.exec(stderr)!.slice(1).map(Number);
  const difference = NGINX_RESOLVES_SINCE.map((part, index) => version[index]! - part).find((part) => part !== 0) ?? 0;
  if (difference >= 0) return false;
  say(
    `nginx: names that are asked again are not tried: that is ${version.join('.')}, and ${NGINX_RESOLVES_SINCE.join('.')} is needed`,
  );
  return true;
}

/** Answers questions for IPv4 addresses (RFC 1035, section 4) from a table; other names do not exist. */
class NameServer {
  readonly addresses = new Map<string, string>();
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (question, { port, address }) => socket.send(this.#answer(question), port, address));
  }

  static start(): Promise<NameServer> {
    const socket = createSocket('udp4');
    return new Promise((resolve, reject) => {
      socket.once('error', reject);
      socket.bind(0, '127.0.0.1', () => resolve(new NameServer(socket)));
    });
  }

  get port(): number {
    return this.#socket.address().port;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(question: Buffer): Buffer {
    const labels: string[] = [];
    let at = 12;
    while (question[at] !== 0) {
      labels.push(question.toString('latin1', at + 1, at + 1 + question[at]!));
      at += 1 + question[at]!;
    }
    const asked = question.subarray(12, at + 5);
    const address = this.addresses.get(labels.join('.').toLowerCase());
    const isForIpv4 = question.readUInt16BE(at + 1) === 1;
    const isKnown = address !== undefined && isForIpv4;
    const header = Buffer.alloc(12);
    question.copy(header, 0, 0, 2);
    // A response, with authority; without such a name the code is 3.
    header.writeUInt16BE(0x8580 | (address === undefined ? 3 : 0), 2);
    header.writeUInt16BE(1, 4);
    header.writeUInt16BE(isKnown ? 1 : 0, 6);
    if (!isKnown) return Buffer.concat([header, asked]);
    // The name of the question, type A, class IN, one second to live, four bytes.
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]);
    return Buffer.concat([header, asked, record]);
  }
}
