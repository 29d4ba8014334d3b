// Teaching a replica what it missed: in messages that fit into a frame, whatever the values weigh together.
import { expect, it } from 'vitest';
import { Groups } from '../../node/cluster/groups.ts';
import { RegisterClient } from '../../node/cluster/register-client.ts';
import { REGISTER_METHODS } from '../../node/cluster/register-methods.ts';
import { Rpc } from '../../node/cluster/rpc.ts';
import { FRAME_MAX_BYTES } from '../../node/format/peer-formats.ts';
import { Scheduler } from './scheduler.ts';
import { SimClock } from './sim-clock.ts';
import { SimHost } from './sim-host.ts';
import { SimNetwork } from './sim-network.ts';
import { SimRandom } from './sim-random.ts';

it('many large values go in several messages, all of them, in order', async () => {
  const scheduler = new Scheduler();
  const random = new SimRandom(1);
  const host = new SimHost('a1', scheduler);
  const clock = new SimClock(host);
  const rpc = new Rpc(new SimNetwork({ scheduler, random }).attach(host), clock, random);
  const messages: { bytes: number; keys: string[] }[] = [];
  rpc.handle(REGISTER_METHODS.learn, async (request) => {
    const keys = request.entries.map(({ key }) => key);
    messages.push({ bytes: REGISTER_METHODS.learn.request.encode(request).length, keys });
    return { taken: keys.length };
  });
  const current = () => {
    throw new Error('no map is needed');
  };
  const groups = new Groups({ current, seemsUp: () => true, onChange: () => {} });
  const generations = { known: 0, refresh: async () => 0 };
  const client = new RegisterClient({ rpc, groups, clock, random, generations });
  const version = { ballot: { round: 1, proposer: '0000000000000001' }, sequence: 1 };
  const registers = [3, 3, 1, 7, 0, 1].map((mebibytes, at) => ({
    key: `o${at}`,
    version,
    value: { live: true, recent: [], payload: new Uint8Array(mebibytes * 2 ** 20) },
  }));
  const taught = client.teach({ slot: 'a1/d1', node: 'a1' }, 5, registers);
  expect(await scheduler.runToEnd('teaching', taught, 60_000)).toBe(registers.length);
  expect(messages.flatMap(({ keys }) => keys)).toEqual(registers.map(({ key }) => key));
  for (const { bytes } of messages) expect(bytes).toBeLessThan(FRAME_MAX_BYTES);
  const nothing = client.teach({ slot: 'a1/d1', node: 'a1' }, 5, []);
  expect(await scheduler.runToEnd('teaching nothing', nothing, 60_000)).toBe(0);
});
