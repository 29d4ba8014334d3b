// Bodies that say what they are: every byte follows from the label, so that a read proves itself right or wrong alone.
import { SimRandom } from './sim-random.ts';

export interface BodySizes {
  /** Upper ends of the sizes, picked with equal chance. */
  readonly bytesMax: readonly number[];
}

/** The label, a line feed, then bytes drawn from the label. The size is at least that of the first line. */
export function bodyOf(label: string, { bytesMax }: BodySizes): Buffer {
  const random = new SimRandom(`body ${label}`);
  const head = Buffer.from(`${label}\n`);
  const sizeBytes = random.below(random.pick(bytesMax));
  if (sizeBytes <= head.length) return head;
  // A fresh block repeated with its number: cheap to make, and no two places of a body are alike.
  const block = random.bytes(251);
  const body = Buffer.alloc(sizeBytes, block);
  for (let at = 0; at + 4 <= sizeBytes; at += 4096) body.writeUInt32LE(at, at);
  head.copy(body);
  return body;
}

/** The label of a body that is whole and right; throws a sentence about what is wrong with it. */
export function labelOf(body: Buffer, sizes: BodySizes): string {
  const end = body.indexOf(0x0a);
  if (end < 0) throw new Error(`a body of ${body.length} bytes has no label`);
  const label = body.subarray(0, end).toString();
  const right = bodyOf(label, sizes);
  if (!right.equals(body)) {
    const at = right.findIndex((byte, index) => byte !== body[index]);
    throw new Error(`the body of ${label} has ${body.length} of ${right.length} bytes and is wrong at byte ${at}`);
  }
  return label;
}

/** The body in pieces whose borders fall anywhere. */
export async function* inPieces(body: Buffer, random: SimRandom): AsyncIterable<Uint8Array> {
  for (let at = 0; at < body.length; ) {
    const end = at + 1 + random.below(random.pick([100, 10_000, 300_000]));
    // A copy: the store may keep its pieces, and this body is compared later.
    yield Buffer.from(body.subarray(at, end));
    at = end;
  }
}
