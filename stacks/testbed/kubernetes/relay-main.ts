// A way from the machine's own network to the API server of a testbed, which lives in another: two processes of this program, and a socket
// file between them, because files know no network namespaces.
// usage: node relay-main.ts LISTEN TARGET     each HOST:PORT or the path of a socket
import { rmSync } from 'node:fs';
import { connect, createServer, type NetConnectOpts } from 'node:net';

relay(process.argv[2]!, process.argv[3]!);

function relay(listen: string, target: string): void {
  const server = createServer((client) => {
    const upstream = connect(placeOf(target));
    client.pipe(upstream);
    upstream.pipe(client);
    // Either end may go at any time; the other then goes as well.
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('close', () => other.destroy());
    }
  });
  if (!listen.includes(':')) rmSync(listen, { force: true });
  server.listen(placeOf(listen));
}

function placeOf(text: string): NetConnectOpts {
  const at = text.lastIndexOf(':');
  return at === -1 ? { path: text } : { host: text.slice(0, at), port: Number(text.slice(at + 1)) };
}
