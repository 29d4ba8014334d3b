// The real network over loopback sockets: what arrives, what is refused, and what is noticed. Time is a manual clock.

import { createServer, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { method, Rpc } from '../../node/cluster/rpc.ts';
import { format, text } from '../../node/format/codec.ts';
import { systemRandom } from '../../node/io/random.ts';
import { Lab, type TestNode } from './network-fixture.ts';

const lab = new Lab();
afterEach(() => lab.end());

const texts = (node: TestNode) => node.received.map(({ from, frame }) => `${from}: ${frame.toString()}`);
const errors = (node: TestNode) =>
  node.log.lines.filter((line) => line.level === 'error').map((line) => line.fields.code);

/** Both directions have a connection for messages. */
async function connected(): Promise<[TestNode, TestNode]> {
  const a = await lab.node('a1');
  const b = await lab.node('b1');
  await exchange(a, b);
  return [a, b];
}

async function exchange(a: TestNode, b: TestNode): Promise<void> {
  const before = b.received.length;
  a.network.send(b.name, [Buffer.from('ping')]);
  await vi.waitFor(() => expect(b.received.length).toBe(before + 1));
}

describe('frames', () => {
  it('arrive whole, from the name of the sender, in both directions over one connection', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    a.network.send('b1', [Buffer.from('one '), Buffer.from('frame')]);
    await vi.waitFor(() => expect(texts(b)).toEqual(['a1: one frame']));
    lab.addresses.delete('a1');
    b.network.send('a1', [Buffer.from('an answer')]);
    await vi.waitFor(() => expect(texts(a)).toEqual(['b1: an answer']));
    expect([a.upgrades, b.upgrades]).toEqual([0, 1]);
  });

  it('of all sizes arrive unchanged, and in order among those that share a connection', async () => {
    const [a, b] = await connected();
    b.received.length = 0;
    const sizes = [1, 7, 8, 4096, 4097, 16_383, 16_384, 65_536, 262_144, 1_000_000, 8 * 1024 * 1024, 3];
    const frames = sizes.map((size, index) => Buffer.alloc(size, index + 1));
    // Each frame in three pieces, the middle one empty.
    for (const frame of frames) a.network.send('b1', [frame.subarray(0, 1), frame.subarray(1, 1), frame.subarray(1)]);
    await vi.waitFor(() => expect(b.received.length).toBe(frames.length));
    const arrived = (isSmall: boolean) =>
      b.received.map(({ frame }) => frame).filter((f) => f.length < 16_384 === isSmall);
    const sent = (isSmall: boolean) => frames.filter((frame) => frame.length < 16_384 === isSmall);
    for (const isSmall of [true, false])
      expect(Buffer.concat(arrived(isSmall)).equals(Buffer.concat(sent(isSmall)))).toBe(true);
    expect(b.upgrades).toBe(2);
  });

  it('to the node itself arrive later, and not in the memory of the sender', async () => {
    const a = await lab.node('a1');
    const piece = Buffer.from('note to self');
    a.network.send('a1', [piece]);
    expect(a.received).toEqual([]);
    await vi.waitFor(() => expect(texts(a)).toEqual(['a1: note to self']));
    piece.fill(0);
    expect(texts(a)).toEqual(['a1: note to self']);
  });

  it('that are empty or longer than 8 MiB are dropped with an error in the log', async () => {
    const [a, b] = await connected();
    a.network.send('b1', []);
    a.network.send('b1', [Buffer.alloc(8 * 1024 * 1024 + 1)]);
    expect(a.log.lines.map((line) => line.fields.lengthBytes).slice(-2)).toEqual([0, 8 * 1024 * 1024 + 1]);
    await exchange(a, b);
    expect(b.received.length).toBe(2);
  });

  it('that were changed on the way end the connection and are not delivered', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    const wire = await lab.wire(b);
    await exchange(a, b);
    wire.transform = (chunk) => {
      const changed = Buffer.from(chunk);
      changed[changed.length - 1]! ^= 1;
      return changed;
    };
    a.network.send('b1', [Buffer.from('flipped')]);
    await vi.waitFor(() => expect([a.broken, b.broken]).toEqual([['b1'], ['a1']]));
    expect(texts(b)).toEqual(['a1: ping']);
    expect(errors(b)).toEqual(['malformed']);
  });
});

describe('a peer that is not there', () => {
  it('is reported broken, at once for frames sent soon after, and is reached when it comes up', async () => {
    const a = await lab.node('a1');
    const gone = await lab.node('b1');
    await gone.stop();
    a.network.send('b1', [Buffer.from('lost')]);
    await vi.waitFor(() => expect(a.broken).toEqual(['b1']));
    a.network.send('b1', [Buffer.from('lost too')]);
    a.network.send('b1', [Buffer.from('lost as well')]);
    expect(a.broken).toEqual(['b1']);
    await vi.waitFor(() => expect(a.broken).toEqual(['b1', 'b1']));
    const b = await lab.node('b1', { port: gone.port });
    a.clock.advance(1_000);
    await exchange(a, b);
    expect(texts(b)).toEqual(['a1: ping']);
  });

  it('counts as unreachable when no address is known', async () => {
    const a = await lab.node('a1');
    a.network.send('z9', [Buffer.from('lost')]);
    await vi.waitFor(() => expect(a.broken).toEqual(['z9']));
    expect(a.log.lines.at(-1)!.fields.reason).toBe('no address is known of node z9');
  });

  it('is not waited for when it connects itself', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    lab.addresses.delete('b1');
    a.network.send('b1', [Buffer.from('lost')]);
    await vi.waitFor(() => expect(a.broken).toEqual(['b1']));
    await exchange(b, a);
    await exchange(a, b);
    expect(a.network.isConnected('b1')).toBe(true);
  });

  it('gets large frames over the connection for small ones while no other can be made', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    lab.addresses.delete('b1');
    await exchange(b, a);
    // The first one finds out that there is no way, the second one knows it.
    for (const fill of [1, 2]) {
      a.network.send('b1', [Buffer.alloc(100_000, fill)]);
      await vi.waitFor(() => expect(b.received.length).toBe(fill));
      expect(b.received.at(-1)!.frame.equals(Buffer.alloc(100_000, fill))).toBe(true);
    }
    expect(a.broken).toEqual([]);
  });

  it('fails a call at once, and the next one works when the peer is back', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    const echo = method(7, 'echo', format('q', 1, { said: [text, ''] }), format('a', 1, { heard: [text, ''] }));
    const [rpcA, rpcB] = [a, b].map(({ network, clock }) => new Rpc(network, clock, systemRandom())) as [Rpc, Rpc];
    rpcB.handle(echo, async ({ said }) => ({ heard: said }));
    expect(await rpcA.call('b1', echo, { said: 'x' })).toEqual({ heard: 'x' });
    await b.stop();
    await vi.waitFor(() => expect(a.network.isConnected('b1')).toBe(false));
    await expect(rpcA.call('b1', echo, { said: 'y' })).rejects.toMatchObject({ code: 'no-answer' });
  });
});

describe('a peer that goes away', () => {
  it('is reported when its connections close', async () => {
    const [a, b] = await connected();
    await b.stop();
    await vi.waitFor(() => expect(a.broken).toEqual(['b1']));
    expect(a.network.isConnected('b1')).toBe(false);
    expect(a.network.queuedBytes('b1')).toBe(0);
  });

  it('is reported after three silent seconds when its connections stay', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    await lab.wire(b);
    await exchange(a, b);
    // The answers of the handshake count as heard in the first second; b's clock stands, so it gives no sign of life.
    a.clock.advance(3_000);
    expect(a.network.isConnected('b1')).toBe(true);
    a.clock.advance(1_000);
    expect(a.network.isConnected('b1')).toBe(false);
    await vi.waitFor(() => expect(a.broken).toEqual(['b1']));
  });

  it('is kept while it gives signs of life, though nobody sends anything', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    const { chunks } = await lab.wire(b);
    await exchange(a, b);
    for (let second = 0; second < 10; second++) {
      const before = { ...chunks };
      a.clock.advance(1_000);
      b.clock.advance(1_000);
      // In the first second both have sent something anyway.
      if (second === 0) continue;
      await vi.waitFor(() => expect(chunks).toEqual({ there: before.there + 1, back: before.back + 1 }));
    }
    expect([a.broken, b.broken]).toEqual([[], []]);
    expect(texts(b)).toEqual(['a1: ping']);
  });

  it('and starts again takes the place of its former process', async () => {
    const a = await lab.node('a1');
    const former = await lab.node('b1');
    const wire = await lab.wire(former);
    await exchange(a, former);
    // The host is gone without a word: nothing comes through, and nothing closes.
    wire.transform = () => null;
    const b = await lab.node('b1');
    await exchange(b, a);
    await vi.waitFor(() => expect(a.broken).toEqual(['b1']));
    await exchange(a, b);
    expect(texts(b)).toEqual(['a1: ping']);
  });
});

describe('a peer that does not keep up', () => {
  it('has at most 64 MiB queued, and then loses its connections', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    const wire = await lab.wire(b);
    await exchange(a, b);
    a.network.send('b1', [Buffer.alloc(1_000_000)]);
    await vi.waitFor(() => expect(b.received.length).toBe(2));
    wire.jam();
    const frame = [Buffer.alloc(1024 * 1024)];
    let queuedMax = 0;
    for (let sent = 0; sent < 200 && a.network.isConnected('b1'); sent++) {
      a.network.send('b1', frame);
      queuedMax = Math.max(queuedMax, a.network.queuedBytes('b1'));
    }
    expect(a.network.isConnected('b1')).toBe(false);
    expect(queuedMax).toBeGreaterThan(60 * 1024 * 1024);
    expect(queuedMax).toBeLessThanOrEqual(64 * 1024 * 1024 + 1024);
    expect(a.network.queuedBytes('b1')).toBe(0);
    await vi.waitFor(() => expect(a.broken).toEqual(['b1']));
  });
});

describe('authentication', () => {
  it('refuses a node with another secret, says so on both sides, and tries again only after a while', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1', { secret: 'another secret' });
    a.network.send('b1', [Buffer.from('secret message')]);
    await vi.waitFor(() => expect([errors(a), errors(b)]).toEqual([['wrong-secret'], ['wrong-secret']]));
    await vi.waitFor(() => expect(a.broken).toEqual(['b1']));
    a.clock.advance(900);
    a.network.send('b1', [Buffer.from('again')]);
    await vi.waitFor(() => expect(a.broken).toEqual(['b1', 'b1']));
    expect(b.upgrades).toBe(1);
    a.clock.advance(1_200);
    a.network.send('b1', [Buffer.from('and again')]);
    await vi.waitFor(() => expect(b.upgrades).toBe(2));
    await vi.waitFor(() => expect(a.broken.length).toBe(3));
    expect(b.received).toEqual([]);
    expect(errors(a)).toEqual(['wrong-secret']);
  });

  it('refuses to talk to another node than the one it meant', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    lab.addresses.set('c1', b.address);
    a.network.send('c1', [Buffer.from('for c1')]);
    await vi.waitFor(() => expect(errors(a)).toEqual(['wrong-node']));
    expect(a.log.lines.at(-1)!.fields.reason).toBe('b1 answers where c1 was expected');
    await vi.waitFor(() => expect(errors(b)).toEqual(['wrong-node']));
    expect(b.received).toEqual([]);
  });

  it('hangs up on strangers that say nothing for three seconds', async () => {
    const b = await lab.node('b1');
    const stranger = connect(b.port, '127.0.0.1');
    const closed = new Promise((resolve) => stranger.on('close', resolve));
    stranger.write('GET /_ashlar/peer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ashlar/1\r\n\r\n');
    await new Promise((resolve) => stranger.once('data', resolve));
    b.clock.advance(3_000);
    await closed;
  });

  it('takes no memory for a long frame from a stranger', async () => {
    const b = await lab.node('b1');
    const stranger = connect(b.port, '127.0.0.1');
    const closed = new Promise((resolve) => stranger.on('close', resolve));
    stranger.write('GET /_ashlar/peer HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: ashlar/1\r\n\r\n');
    stranger.write(Buffer.from([1, 4, 0, 0, 0, 0, 0, 0])); // 1,025 bytes
    stranger.resume();
    await closed;
    expect(errors(b)).toEqual(['malformed']);
  });

  it.each([
    ['/_ashlar/peer', 'ashlar/2', 426],
    ['/_ashlar/peer', 'websocket', 404],
    ['/', 'ashlar/1', 404],
  ])('answers a request to upgrade %s to %s with %d', async (path, upgrade, status) => {
    const b = await lab.node('b1');
    const answered = new Promise((resolve, reject) => {
      const headers = { connection: 'Upgrade', upgrade };
      const asked = request({ port: b.port, host: '127.0.0.1', path, headers }, (response) =>
        resolve(response.statusCode),
      );
      asked.on('error', reject).end();
    });
    expect(await answered).toBe(status);
  });
});

describe('probe', () => {
  it('tells the name, the process and the hello of the node at an address', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1', { hello: 'x'.repeat(500_000) });
    const probed = await a.network.probe(b.address);
    expect([probed.name, probed.processId, probed.hello.length]).toEqual(['b1', b.network.processId, 500_000]);
    expect(b.network.isConnected('a1')).toBe(false);
    expect(a.broken).toEqual([]);
  });

  it('finds the node itself, also before it knows its name', async () => {
    let name = '';
    const a = await lab.node('a1', { self: () => name });
    const b = await lab.node('b1');
    expect(await a.network.probe(a.address)).toMatchObject({ name: '', processId: a.network.processId });
    await expect(b.network.probe(a.address)).rejects.toMatchObject({ code: 'starting' });
    name = 'a1';
    expect(await b.network.probe(a.address)).toMatchObject({ name: 'a1', processId: a.network.processId });
    expect(a.network.self).toBe('a1');
  });

  it('remembers for a while that the secrets differ', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1', { secret: 'another secret' });
    await expect(a.network.probe(b.address)).rejects.toMatchObject({ code: 'wrong-secret' });
    await expect(a.network.probe(b.address)).rejects.toMatchObject({ code: 'wrong-secret' });
    expect(b.upgrades).toBe(1);
    a.clock.advance(2_000);
    await expect(a.network.probe(b.address)).rejects.toMatchObject({ code: 'wrong-secret' });
    expect(b.upgrades).toBe(2);
  });

  it('tries a node that was down again at once', async () => {
    const a = await lab.node('a1');
    const gone = await lab.node('b1');
    await gone.stop();
    await expect(a.network.probe(gone.address)).rejects.toMatchObject({ code: 'unreachable' });
    const b = await lab.node('b1', { port: gone.port });
    expect(await a.network.probe(b.address)).toMatchObject({ name: 'b1' });
  });

  it('gives up after three seconds without an answer', async () => {
    const a = await lab.node('a1');
    const b = await lab.node('b1');
    const wire = await lab.wire(b);
    const reached = new Promise<void>((resolve) => {
      wire.transform = () => {
        resolve();
        return null;
      };
    });
    const probed = expect(a.network.probe(lab.addresses.get('b1')!)).rejects.toMatchObject({ code: 'unreachable' });
    await reached;
    a.clock.advance(3_000);
    await probed;
  });

  it('names what answers when it is no Ashlar node', async () => {
    const a = await lab.node('a1');
    const server = createServer((_, response) => response.end('<html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    lab.onEnd(async () => void server.close());
    const { port } = server.address() as AddressInfo;
    await expect(a.network.probe(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'not-ashlar',
      message: 'what answers there is no Ashlar node (HTTP 200)',
    });
  });

  it.each([
    ['https://10.0.0.1:9000', 'traffic between nodes does not speak TLS yet'],
    ['10.0.0.1:9000', 'write http://HOST:PORT'],
  ])('refuses the address %s', async (address, message) => {
    const a = await lab.node('a1');
    await expect(a.network.probe(address)).rejects.toMatchObject({
      code: 'bad-address',
      message: expect.stringContaining(message),
    });
  });
});

describe('close', () => {
  it('ends every connection and probe, and nothing is heard any more', async () => {
    const [a, b] = await connected();
    const wire = await lab.wire(b);
    wire.transform = () => null;
    const probed = expect(a.network.probe(lab.addresses.get('b1')!)).rejects.toMatchObject({ code: 'broken' });
    a.network.close();
    await probed;
    await vi.waitFor(() => expect(b.broken).toEqual(['a1']));
    a.network.send('b1', [Buffer.from('too late')]);
    await expect(a.network.probe(b.address)).rejects.toMatchObject({ code: 'broken' });
    expect(a.broken).toEqual([]);
    expect(texts(b)).toEqual(['a1: ping']);
  });
});
