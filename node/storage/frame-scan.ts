// Finds frames in a log file: one after the other, or anywhere. Holds a window of the file in memory, never the whole.
import type { DiskFile } from '../io/disk.ts';
import { decodeFrame, FRAME_HEADER_BYTES, FRAME_MAGIC, type Frame, frameLength } from './log-format.ts';

const WINDOW_BYTES = 2 ** 20;

export interface FoundFrame {
  readonly frame: Frame;
  readonly offset: number;
}

/** Whole and right frames from this offset on, up to the first place where there is none. */
export async function* scanFrames(file: DiskFile, salt: number, from: number): AsyncGenerator<FoundFrame> {
  const window = new Window(file);
  let at = from;
  for (;;) {
    const frame = await frameAt(window, salt, at);
    if (frame === null) return;
    yield { frame, offset: at };
    at += frame.lengthBytes;
  }
}

/** Where the first whole and right frame at or after this offset starts, or null. */
export async function findFrame(file: DiskFile, salt: number, from: number): Promise<number | null> {
  const magic = Buffer.alloc(4);
  magic.writeUInt32LE(FRAME_MAGIC);
  const window = new Window(file);
  let at = from;
  for (;;) {
    const bytes = await window.view(at, FRAME_HEADER_BYTES);
    if (bytes.length < FRAME_HEADER_BYTES) return null;
    const found = bytes.indexOf(magic);
    if (found < 0) {
      // The magic may lie across the end of this view.
      at += bytes.length - magic.length + 1;
      continue;
    }
    if ((await frameAt(window, salt, at + found)) !== null) return at + found;
    at += found + 1;
  }
}

async function frameAt(window: Window, salt: number, offset: number): Promise<Frame | null> {
  const lengthBytes = frameLength(await window.view(offset, FRAME_HEADER_BYTES), 0);
  if (lengthBytes === null) return null;
  return decodeFrame(salt, await window.view(offset, lengthBytes), 0);
}

class Window {
  readonly #file: DiskFile;
  #start = 0;
  #bytes: Buffer = Buffer.alloc(0);

  constructor(file: DiskFile) {
    this.#file = file;
  }

  /** All that is at hand from offset on: at least lengthBytes, or up to the end of the file. */
  async view(offset: number, lengthBytes: number): Promise<Buffer> {
    const isInside = offset >= this.#start && offset + lengthBytes <= this.#start + this.#bytes.length;
    if (!isInside) {
      this.#start = offset;
      this.#bytes = await this.#file.read(offset, Math.max(lengthBytes, WINDOW_BYTES));
    }
    return this.#bytes.subarray(offset - this.#start);
  }
}
