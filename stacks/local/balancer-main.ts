// The balancer's own process: "balancer-main --listen HOST:PORT [--guard DIRECTORY] a1=HOST:PORT …". With --guard it also
// takes a temporary cluster down when whoever started it is gone, for which it watches its stdin.
import { parseArgs } from 'node:util';
import { startBalancer } from './balancer.ts';
import type { NodeAddress } from './node-client.ts';
import { removeClusterNow } from './remove-cluster.ts';

const CLOSE_DEADLINE_MS = 5_000;

const { values, positionals } = parseArgs({
  options: { listen: { type: 'string' }, guard: { type: 'string' } },
  allowPositionals: true,
});
if (values.guard !== undefined) guard(values.guard);
await serve(values.listen ?? '');

async function serve(listenText: string): Promise<void> {
  const balancer = await startBalancer({
    listen: addressOf(listenText),
    nodes: positionals.map((text) => {
      const [name = '', address = ''] = text.split('=');
      return { name, address: addressOf(address) };
    }),
    onChange: (node, ready) => log(`${node} is ${ready ? 'ready' : 'not ready'}`),
  });
  log(`listening on ${listenText}`);
  const stop = () => void balancer.close(CLOSE_DEADLINE_MS).then(() => process.exit(0));
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}

function guard(directory: string): void {
  const onGone = () => {
    removeClusterNow(directory);
    process.exit(0);
  };
  process.stdin.once('end', onGone);
  process.stdin.once('error', onGone);
  process.stdin.resume();
}

function addressOf(text: string): NodeAddress {
  const match = /^([0-9.]+):([0-9]{1,5})$/.exec(text);
  if (match === null) throw new Error(`"${text}" is not an address; write HOST:PORT`);
  return { host: match[1]!, port: Number(match[2]) };
}

function log(message: string): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), message })}\n`);
}
