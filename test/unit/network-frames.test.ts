// Frames on a byte stream: whatever the cuts, the same frames come out, and nothing that was changed does.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FormatError } from '../../node/format/codec.ts';
import { FrameBatch, FrameParser, lengthOf } from '../../node/io/frames.ts';

const frames = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.uint8Array({ maxLength: 40 }) },
    // Around the size up to which frames are copied together, and around the memory that they are copied into.
    {
      weight: 1,
      arbitrary: fc.constantFrom(4095, 4096, 4097, 65_535, 70_000).map((size) => new Uint8Array(size).fill(size)),
    },
  ),
  { maxLength: 30 },
);

function encode(payloads: readonly Uint8Array[]): Buffer {
  const batch = new FrameBatch();
  for (const payload of payloads) batch.add([payload.subarray(0, 3), payload.subarray(3)], payload.length);
  return Buffer.concat(batch.take());
}

function parse(stream: Buffer, cuts: readonly number[], limitBytes = 1_000_000): Buffer[] {
  const parser = new FrameParser(limitBytes);
  const found: Buffer[] = [];
  let at = 0;
  for (const cut of [...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length]) {
    parser.push(Buffer.from(stream.subarray(at, cut)), (frame) => found.push(frame));
    at = cut;
  }
  return found;
}

describe('frames', () => {
  it('come out as they went in, wherever the stream is cut', () => {
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 50 }), (payloads, cuts) => {
        const found = parse(encode(payloads), cuts);
        expect(found.length).toBe(payloads.length);
        expect(found.every((frame, index) => frame.equals(payloads[index]!))).toBe(true);
      }),
    );
  });

  it('come out also when every byte comes alone', () => {
    const payloads = [Buffer.from('one'), Buffer.alloc(0), Buffer.from('two')];
    const stream = encode(payloads);
    expect(parse(stream, [...stream.keys()]).map(String)).toEqual(['one', '', 'two']);
  });

  it('within one chunk are views of it, and not copies', () => {
    const stream = encode([Buffer.from('one'), Buffer.from('two')]);
    const found: Buffer[] = [];
    new FrameParser(100).push(stream, (frame) => found.push(frame));
    stream.fill('x');
    expect(found.map(String)).toEqual(['xxx', 'xxx']);
  });

  it('never change after they were batched, though the batch goes on being used', () => {
    const batch = new FrameBatch();
    const taken: Uint8Array[] = [];
    const copies: Buffer[] = [];
    for (let i = 0; i < 3_000; i++) {
      batch.add([Buffer.alloc(100, i)], 100);
      if (i % 7 !== 0) continue;
      const chunks = batch.take();
      taken.push(...chunks);
      copies.push(...chunks.map((chunk) => Buffer.from(chunk)));
    }
    expect(Buffer.concat(taken).equals(Buffer.concat(copies))).toBe(true);
    expect(parse(Buffer.concat(taken), []).length).toBe(2_997);
  });

  it('that are small leave as one piece, and large ones without being copied', () => {
    const batch = new FrameBatch();
    const large = Buffer.alloc(100_000);
    for (let i = 0; i < 10; i++) batch.add([Buffer.from('small')], 5);
    batch.add([Buffer.from('begins'), large], large.length + 6);
    batch.add([Buffer.from('small')], 5);
    expect(batch.sizeBytes).toBe(10 * 13 + 8 + 6 + large.length + 13);
    const chunks = batch.take();
    expect(chunks.map((chunk) => chunk.length)).toEqual([10 * 13 + 8, 6, 100_000, 13]);
    expect(chunks[2]).toBe(large);
    expect([batch.sizeBytes, batch.take()]).toEqual([0, []]);
  });

  it('with a changed bit are refused, wherever the bit is', () => {
    const stream = encode([Buffer.from('payload')]);
    for (let bit = 0; bit < stream.length * 8; bit++) {
      const changed = Buffer.from(stream);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      const found: Buffer[] = [];
      try {
        // A length that grew leaves the parser waiting: what follows completes the frame, and then the checksum tells.
        new FrameParser(100).push(Buffer.concat([changed, Buffer.alloc(100)]), (frame) => found.push(frame));
        expect.fail(`bit ${bit} goes unnoticed`);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
        expect(found.map(String)).not.toContain('payload');
      }
    }
  });

  it('over the limit are refused by their header alone', () => {
    const header = encode([Buffer.alloc(101)]).subarray(0, 8);
    expect(() => new FrameParser(100).push(header, () => {})).toThrow('a frame of 101 bytes where 100 are allowed');
    expect(parse(encode([Buffer.alloc(100)]), [], 100).length).toBe(1);
  });
});

describe('lengthOf', () => {
  it('adds up the pieces', () => {
    expect(lengthOf([new Uint8Array(3), new Uint8Array(0), new Uint8Array(4)])).toBe(7);
    expect(lengthOf([])).toBe(0);
  });
});
