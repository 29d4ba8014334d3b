// The lower half of a node (storage engine, membership, registers) as a program for the simulated cluster. Registers hold
// labels; the commands are the writes of the object model, so that the same clients and checks serve as for whole nodes.
import { Member } from '../../node/cluster/member.ts';
import { type Decision, type RegisterState, type Registers, UnavailableError } from '../../node/cluster/registers.ts';
import { decide } from '../../node/core/decide.ts';
import { KIND } from '../../node/core/keys.ts';
import { helloFormat } from '../../node/format/membership-formats.ts';
import { type Condition, conditionHolds, type WriteAnswer } from './checkers/object-model.ts';
import type { Surroundings } from './cluster.ts';
import { openLocalDrive } from './local-drive.ts';
import type { Inspectable } from './recovery.ts';
import { OutcomeUnknown, type Target } from './workload.ts';

export class RegisterProgram implements Inspectable {
  readonly objects = null;
  readonly target: Target;
  #member: Member | null = null;

  constructor(surroundings: Surroundings) {
    this.target = new RegisterTarget(() => this.member.running.registers);
    this.#run(surroundings).catch((error) => surroundings.note(`stops: ${error}`));
  }

  get member(): Member {
    if (this.#member === null) throw new OutcomeUnknown('the drives are not open yet');
    return this.#member;
  }

  hello(): Uint8Array {
    return helloFormat.encode(this.member.hello());
  }

  serves(): boolean {
    return this.#member?.joined === true;
  }

  ready(): boolean {
    return this.#member?.ready() === true;
  }

  async #run(surroundings: Surroundings): Promise<void> {
    const { name, zone, scheme, endpoints, addresses, clock, network, random, probe, note } = surroundings;
    const drives = await Promise.all(surroundings.drives.map((drive) => openLocalDrive(drive, surroundings)));
    const member = new Member({
      name,
      zone,
      scheme,
      endpoints,
      addresses,
      drives,
      network,
      introductions: { probe },
      clock,
      random,
      decide: decideLabel,
      summarize: (_, payload) => payload,
      observer: {
        step: (step) => note(`founding: ${step.kind}`),
        map: ({ epoch, drives: all }) =>
          note(`map ${epoch}, down: ${all.filter(({ state }) => state === 'down').map(({ slot }) => slot)}`),
        problem: (what, error) => note(`${what}: ${error}`),
        revived: () => {},
        newLife: () => {},
      },
    });
    this.#member = member;
    await member.start();
  }
}

type Command =
  | { readonly kind: 'put'; readonly value: string; readonly condition: Condition }
  | { readonly kind: 'delete'; readonly condition: Condition };

const EMPTY = new Uint8Array();

function decideLabel(key: string, current: RegisterState, commandBytes: Uint8Array): Decision {
  if (key[0] !== KIND.object) return decide(key, current, commandBytes);
  const command: Command = JSON.parse(Buffer.from(commandBytes).toString());
  const state = current.live ? Buffer.from(current.payload!).toString() : null;
  const reply = (answer: WriteAnswer) => Buffer.from(answer);
  if (!conditionHolds(command.condition, state)) {
    return {
      kind: 'keep',
      reply: reply(command.condition.kind === 'if-match' && state === null ? 'no-such-key' : 'precondition-failed'),
    };
  }
  if (command.kind === 'put')
    return { kind: 'write', payload: Buffer.from(command.value), live: true, reply: reply('done') };
  return { kind: 'write', payload: EMPTY, live: false, reply: reply('done') };
}

class RegisterTarget implements Target {
  readonly #registers: () => Registers;

  constructor(registers: () => Registers) {
    this.#registers = registers;
  }

  async prepare(): Promise<void> {}

  async get(key: string): Promise<string | null> {
    const { payload, live } = await unknownWhenUnavailable(() => this.#registers().read(KIND.object + key));
    return live ? Buffer.from(payload!).toString() : null;
  }

  put(key: string, value: string, condition: Condition): Promise<WriteAnswer> {
    return this.#change(key, { kind: 'put', value, condition });
  }

  remove(key: string, condition: Condition): Promise<WriteAnswer> {
    return this.#change(key, { kind: 'delete', condition });
  }

  async list(): Promise<Map<string, string>> {
    const found = new Map<string, string>();
    let from: string | null = KIND.object;
    while (from !== null) {
      const start: string = from;
      const page = await unknownWhenUnavailable(() => this.#registers().scan(start, 'p', 3));
      for (const { key, summary } of page.entries) found.set(key.slice(1), Buffer.from(summary).toString());
      from = page.next;
    }
    return found;
  }

  async #change(key: string, command: Command): Promise<WriteAnswer> {
    const bytes = Buffer.from(JSON.stringify(command));
    const reply = await unknownWhenUnavailable(() => this.#registers().change(KIND.object + key, bytes));
    // Empty: the command wrote, and only its reply was lost.
    return reply.length === 0 ? 'done' : (Buffer.from(reply).toString() as WriteAnswer);
  }
}

async function unknownWhenUnavailable<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof UnavailableError) throw new OutcomeUnknown(error.message);
    throw error;
  }
}
