// The network of a testbed: a bridge in a network namespace of its own, and a namespace for every host, with one cable to the
// bridge. Nothing is made in the machine's own network, and no namespace has a way out: with a dead default route an engine
// would wait ten seconds for every name it looks up.
import { runProgram, tryProgram } from '../run-program.ts';
import { BRIDGE, INTERFACE, LINK_MTU, type NetworkMember, PREFIX_BITS, type TestbedLayout } from './layout.ts';

/** For `nsenter`: `ip netns exec` would mount another /sys, without the control groups. */
export function inNamespace(namespace: string): string[] {
  return ['nsenter', `--net=/run/netns/${namespace}`];
}

export async function ensureSwitch({ switchNamespace }: TestbedLayout): Promise<void> {
  await ensureNamespace(switchNamespace);
  const inside = ['-n', switchNamespace];
  if (!(await succeeds([...inside, 'link', 'show', BRIDGE]))) {
    await ip(...inside, 'link', 'add', BRIDGE, 'type', 'bridge');
  }
  await ip(...inside, 'link', 'set', BRIDGE, 'up');
}

/** From its namespace, which is made when it is not there, to the bridge. */
export async function ensureCable(
  { switchNamespace }: TestbedLayout,
  { name: port, namespace, address }: NetworkMember,
): Promise<void> {
  await ensureNamespace(namespace);
  const inside = ['-n', namespace];
  const wanted = `${address}/${PREFIX_BITS}`;
  const { stdout } = await tryProgram('ip', [...inside, '-o', 'address', 'show', 'dev', INTERFACE]);
  const isPlugged = await succeeds(['-n', switchNamespace, 'link', 'show', port]);
  if (!stdout.includes(` ${wanted} `) || !isPlugged) {
    await unplug(switchNamespace, port);
    await tryProgram('ip', [...inside, 'link', 'delete', INTERFACE]);
    const mtu = ['mtu', String(LINK_MTU)];
    const peer = ['peer', 'name', INTERFACE, ...mtu, 'netns', namespace];
    await ip('-n', switchNamespace, 'link', 'add', port, ...mtu, 'type', 'veth', ...peer);
    await ip(...inside, 'address', 'add', wanted, 'dev', INTERFACE);
  }
  await ip('-n', switchNamespace, 'link', 'set', port, 'master', BRIDGE, 'up');
  await ip(...inside, 'link', 'set', 'lo', 'up');
  await ip(...inside, 'link', 'set', INTERFACE, 'up');
}

/** The cable is pulled at once; the namespace itself goes when the last process in it does. */
export async function removeCable({ switchNamespace }: TestbedLayout, member: NetworkMember): Promise<void> {
  await unplug(switchNamespace, member.name);
  await removeNamespace(member.namespace);
}

/** Nothing happens when it is gone already. */
export async function removeNamespace(namespace: string): Promise<void> {
  if ((await namespaces()).has(namespace)) await ip('netns', 'delete', namespace);
}

async function ensureNamespace(namespace: string): Promise<void> {
  if (!(await namespaces()).has(namespace)) await ip('netns', 'add', namespace);
}

async function namespaces(): Promise<Set<string>> {
  const lines = (await ip('netns', 'list')).split('\n');
  return new Set(lines.map((line) => line.split(' ')[0]!).filter((name) => name !== ''));
}

async function unplug(switchNamespace: string, port: string): Promise<void> {
  await tryProgram('ip', ['-n', switchNamespace, 'link', 'delete', port]);
}

async function succeeds(args: readonly string[]): Promise<boolean> {
  return (await tryProgram('ip', args)).exitCode === 0;
}

async function ip(...args: string[]): Promise<string> {
  return (await runProgram('ip', args)).stdout;
}
