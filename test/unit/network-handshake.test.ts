// The handshake between two nodes, without sockets: who gets in, and that nothing overheard, changed or sent back does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeHandshake, encodeHandshake, HELLO_MAX_BYTES, type Purpose } from '../../node/format/peer-formats.ts';
import { handshakeProof, sessionKey } from '../../node/io/peer-auth.ts';
import {
  acceptingHandshake,
  connectingHandshake,
  type Handshake,
  type HandshakeStep,
} from '../../node/io/peer-handshake.ts';

const hexOf = (digit: string, bytes: number) => digit.repeat(bytes * 2);

const connecting = (
  options: { purpose?: Purpose; expects?: string; secret?: string; nonce?: string; name?: string } = {},
) =>
  connectingHandshake({
    name: 'a1',
    processId: hexOf('a', 16),
    nonce: hexOf('1', 32),
    secret: 'secret',
    purpose: 'messages',
    expects: 'b1',
    ...options,
  });

const accepting = (options: { secret?: string; nonce?: string; name?: string; hello?: Uint8Array } = {}) =>
  acceptingHandshake({
    name: 'b1',
    processId: hexOf('b', 16),
    nonce: hexOf('2', 32),
    secret: 'secret',
    ...options,
    hello: () => options.hello ?? Buffer.from('hello from b1'),
  });

/** Carries frames to and fro until nobody has more to say; `change` sees each of them. */
function talk(a: Handshake, b: Handshake, change: (frame: Buffer) => Buffer = (frame) => frame): HandshakeStep[] {
  const last: HandshakeStep[] = [];
  let frame: Buffer | null = a.first;
  for (let turn = 1; frame !== null; turn++) {
    const step: HandshakeStep = [a, b][turn % 2]!.receive(change(frame));
    last[turn % 2] = step;
    frame = step.send;
  }
  return last;
}

const outcome = (step: HandshakeStep | undefined) => {
  if (step === undefined || step.kind === 'go-on') return 'nothing yet';
  return step.kind === 'done' ? step.peer : `${step.error.code}: ${step.error.message}`;
};

const sent = (step: HandshakeStep) => {
  if (step.send === null) throw new Error('nothing was sent');
  return step.send;
};

describe('two nodes with the same secret', () => {
  it('learn names, processes and purpose of each other', () => {
    const [a, b] = talk(connecting({ purpose: 'bulk' }), accepting()).map(outcome);
    expect(a).toEqual({ name: 'b1', processId: hexOf('b', 16), purpose: 'bulk', hello: Buffer.alloc(0) });
    expect(b).toEqual({ name: 'a1', processId: hexOf('a', 16), purpose: 'bulk', hello: Buffer.alloc(0) });
  });

  it('exchange the hello when one of them probes, whoever they are', () => {
    const [a, b] = talk(connecting({ purpose: 'probe', expects: '', name: '' }), accepting({ name: '' })).map(outcome);
    expect(a).toMatchObject({ name: '', processId: hexOf('b', 16), hello: Buffer.from('hello from b1') });
    expect(b).toMatchObject({ name: '', processId: hexOf('a', 16) });
  });

  it('do not talk when another node than the expected one answers', () => {
    const told = 'wrong-node: b1 answers where c1 was expected';
    expect(talk(connecting({ expects: 'c1' }), accepting()).map(outcome)).toEqual([told, told]);
  });

  it('do not talk before the one that was reached knows its name', () => {
    const told = 'starting: the node there does not know its own name yet';
    expect(talk(connecting(), accepting({ name: '' })).map(outcome)).toEqual([told, told]);
  });

  it.each(['b1', ''])('do not talk when the one that connects calls itself "%s"', (name) => {
    const told = `malformed: a node cannot send as "${name}" to "b1"`;
    expect(talk(connecting({ name }), accepting()).map(outcome)).toEqual([told, told]);
  });
});

describe('a node with another secret', () => {
  it('is refused, and both sides are told why', () => {
    const told = 'wrong-secret: the cluster secrets of the two nodes differ';
    expect(talk(connecting({ secret: 'other' }), accepting()).map(outcome)).toEqual([told, told]);
  });

  it('is refused by the accepting side too, if it goes on regardless', () => {
    const b = accepting();
    const greeted = connecting().first!;
    const answered = sent(b.receive(greeted));
    const transcript = { greeting: greeted, answer: answered.subarray(1) };
    const forged = encodeHandshake('proof', { proof: handshakeProof('other', 'connecting', transcript) });
    expect(outcome(b.receive(forged))).toBe('wrong-secret: the cluster secrets of the two nodes differ');
  });
});

describe('an attacker without the secret', () => {
  it('gets nowhere by sending back the proof of the accepting side', () => {
    const b = accepting();
    const answered = decodeHandshake(sent(b.receive(connecting().first!)));
    if (answered.kind !== 'answer') throw new Error('no answer');
    const reflected = encodeHandshake('proof', { proof: answered.value.proof });
    expect(outcome(b.receive(reflected))).toMatch('wrong-secret');
  });

  it('gets nowhere with a connection overheard before', () => {
    const overheard: Buffer[] = [];
    talk(connecting(), accepting(), (frame) => {
      overheard.push(frame);
      return frame;
    });
    const [greeted, answered, proven] = overheard;
    const b = accepting({ nonce: hexOf('3', 32) });
    b.receive(greeted!);
    expect(outcome(b.receive(proven!))).toMatch('wrong-secret');
    expect(outcome(connecting({ nonce: hexOf('4', 32) }).receive(answered!))).toMatch('wrong-secret');
  });

  it('cannot pass a node its own answer, made under another name, as that of the node it wants', () => {
    // a1 means to reach b1; the attacker hands its greeting to c1 and a1 gets the answer of c1.
    const answered = sent(accepting({ name: 'c1' }).receive(connecting().first!));
    expect(outcome(connecting().receive(answered))).toBe('wrong-node: c1 answers where b1 was expected');
  });

  it('cannot change a single bit of any message and have both sides agree', () => {
    const frames: Buffer[] = [];
    talk(connecting({ purpose: 'probe' }), accepting(), (frame) => {
      frames.push(frame);
      return frame;
    });
    expect(frames.length).toBe(4);
    for (const [index, frame] of frames.entries()) {
      for (let bit = 0; bit < frame.length * 8; bit++) {
        let turn = 0;
        const change = (passing: Buffer) => {
          if (turn++ !== index) return passing;
          const changed = Buffer.from(passing);
          changed[bit >> 3]! ^= 1 << (bit & 7);
          return changed;
        };
        const [a, b] = talk(connecting({ purpose: 'probe' }), accepting(), change);
        // Of the last message the accepting side cannot know what becomes.
        const wronged = index === 3 ? a! : [a, b].find((step) => step?.kind === 'failed');
        if (wronged?.kind !== 'failed') expect.fail(`bit ${bit} of message ${index} goes unnoticed`);
      }
    }
  });
});

describe('whatever comes', () => {
  it('a handshake never throws and never ends well without its proofs', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 5 }), fc.boolean(), (frames, isAccepting) => {
        const handshake = isAccepting ? accepting() : connecting();
        for (const frame of frames) expect(handshake.receive(Buffer.from(frame)).kind).not.toBe('done');
      }),
    );
  });

  it.each([
    ['a proof before the greeting', accepting, () => encodeHandshake('proof', { proof: hexOf('0', 32) })],
    [
      'a welcome before the answer',
      connecting,
      () => encodeHandshake('welcome', { hello: Buffer.alloc(0), mac: hexOf('0', 32) }),
    ],
    ['a greeting to the side that greets', connecting, () => connecting().first!],
  ])('%s is out of turn', (_, side, frame) => {
    expect(outcome(side().receive(frame()))).toMatch(/malformed: a \w+ is out of turn/);
  });

  it('a second greeting is out of turn', () => {
    const b = accepting();
    b.receive(connecting().first!);
    expect(outcome(b.receive(connecting().first!))).toBe('malformed: a greeting is out of turn');
  });

  it('a hello that no peer would take fails loudly where it is made', () => {
    const b = accepting({ hello: Buffer.alloc(HELLO_MAX_BYTES + 1) });
    expect(() => talk(connecting({ purpose: 'probe' }), b)).toThrow('a hello of 1048577 bytes');
  });
});

describe('the session key', () => {
  it('is another for every connection and for every secret', () => {
    const transcript = (nonce: string) => ({ greeting: Buffer.from('g'), answer: Buffer.from(nonce) });
    const keys = [sessionKey('s', transcript('1')), sessionKey('s', transcript('2')), sessionKey('t', transcript('1'))];
    expect(new Set(keys).size).toBe(3);
    expect(keys).not.toContain(handshakeProof('s', 'connecting', transcript('1')));
  });

  it('does not depend on where one claim ends and the next begins', () => {
    const split = (at: number) => ({
      greeting: Buffer.from('abcd').subarray(0, at),
      answer: Buffer.from('abcd').subarray(at),
    });
    expect(sessionKey('s', split(1))).not.toBe(sessionKey('s', split(2)));
  });
});
