// Bytes ↔ values for disk and wire. A format is one list of fields, each with its reason; encode, decode and the tables in
// docs/ all come from that list. Numbers are little-endian. decode(anything) gives a value or throws FormatError.

export class FormatError extends Error {
  override readonly name = 'FormatError';
}

/** Collects output; long byte strings are kept by reference and never copied. */
export class Writer {
  readonly #pieces: Uint8Array[] = [];
  #buffer = Buffer.allocUnsafe(256);
  #start = 0;
  #end = 0;

  reserve(lengthBytes: number): number {
    if (this.#end + lengthBytes > this.#buffer.length) {
      this.#flush();
      this.#buffer = Buffer.allocUnsafe(Math.max(512, lengthBytes));
      this.#start = 0;
      this.#end = 0;
    }
    const at = this.#end;
    this.#end += lengthBytes;
    return at;
  }

  get buffer(): Buffer {
    return this.#buffer;
  }

  bytes(value: Uint8Array): void {
    if (value.length <= 1024) {
      const at = this.reserve(value.length);
      this.#buffer.set(value, at);
      return;
    }
    this.#flush();
    this.#pieces.push(value);
  }

  #flush(): void {
    if (this.#end > this.#start) this.#pieces.push(this.#buffer.subarray(this.#start, this.#end));
    this.#start = this.#end;
  }

  pieces(): Uint8Array[] {
    this.#flush();
    return this.#pieces;
  }
}

/** Reads within bounds; every overrun is a FormatError. Byte strings are views into the input, not copies. */
export class Reader {
  readonly buffer: Buffer;
  offset: number;

  constructor(buffer: Buffer, offset = 0) {
    this.buffer = buffer;
    this.offset = offset;
  }

  take(lengthBytes: number): number {
    const at = this.offset;
    if (lengthBytes > this.buffer.length - at) {
      throw new FormatError(`needs ${lengthBytes} bytes at offset ${at}, has ${this.buffer.length - at}`);
    }
    this.offset = at + lengthBytes;
    return at;
  }
}

export interface Codec<T> {
  /** The type as docs/ print it, for instance "u32" or "list of bytes". */
  readonly type: string;
  /** Of a list or an optional: what it holds. */
  readonly item?: Codec<unknown>;
  /** Of a group of fields. */
  readonly fields?: Fields;
  write(writer: Writer, value: T): void;
  read(reader: Reader): T;
}

export type ValueOf<C> = C extends Codec<infer T> ? T : never;

function integer(
  type: string,
  sizeBytes: number,
  max: number,
  write: (b: Buffer, v: number, at: number) => void,
  read: (b: Buffer, at: number) => number,
): Codec<number> {
  return {
    type,
    write(writer, value) {
      if (!Number.isInteger(value) || value < 0 || value > max) throw new FormatError(`${value} is not a ${type}`);
      const at = writer.reserve(sizeBytes);
      write(writer.buffer, value, at);
    },
    read: (reader) => read(reader.buffer, reader.take(sizeBytes)),
  };
}

export const u8 = integer(
  'u8',
  1,
  0xff,
  (b, v, at) => b.writeUInt8(v, at),
  (b, at) => b.readUInt8(at),
);
export const u16 = integer(
  'u16',
  2,
  0xffff,
  (b, v, at) => b.writeUInt16LE(v, at),
  (b, at) => b.readUInt16LE(at),
);
export const u32 = integer(
  'u32',
  4,
  0xffffffff,
  (b, v, at) => b.writeUInt32LE(v, at),
  (b, at) => b.readUInt32LE(at),
);

/** 64 bits on the wire, of which 53 may be used, because that is what a JavaScript number holds exactly. */
export const u53: Codec<number> = {
  type: 'u64 (below 2^53)',
  write(writer, value) {
    if (!Number.isSafeInteger(value) || value < 0) throw new FormatError(`${value} is not a u53`);
    const at = writer.reserve(8);
    writer.buffer.writeUInt32LE(value % 2 ** 32, at);
    writer.buffer.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4);
  },
  read(reader) {
    const at = reader.take(8);
    const high = reader.buffer.readUInt32LE(at + 4);
    if (high >= 2 ** 21) throw new FormatError('a u53 has more than 53 bits');
    return high * 2 ** 32 + reader.buffer.readUInt32LE(at);
  },
};

export const bool: Codec<boolean> = {
  type: 'bool (u8: 0 or 1)',
  write: (writer, value) => u8.write(writer, value ? 1 : 0),
  read(reader) {
    const value = u8.read(reader);
    if (value > 1) throw new FormatError(`${value} is not a bool`);
    return value === 1;
  },
};

/** Byte string with a u32 length before it. Decoding gives a view into the input. */
export const bytes: Codec<Uint8Array> = {
  type: 'bytes (u32 length, then the bytes)',
  write(writer, value) {
    u32.write(writer, value.length);
    writer.bytes(value);
  },
  read(reader) {
    const length = u32.read(reader);
    const at = reader.take(length);
    return reader.buffer.subarray(at, at + length);
  },
};

export const text: Codec<string> = {
  type: 'text (u32 length, then UTF-8)',
  write: (writer, value) => bytes.write(writer, Buffer.from(value, 'utf8')),
  read(reader) {
    const raw = bytes.read(reader) as Buffer;
    const value = raw.toString('utf8');
    if (value.includes('\ufffd') && !raw.equals(Buffer.from(value, 'utf8'))) throw new FormatError('text is not UTF-8');
    return value;
  },
};

/** Exactly lengthBytes bytes, shown as lower-case hexadecimal: ids. */
export function hex(lengthBytes: number): Codec<string> {
  return {
    type: `${lengthBytes} bytes`,
    write(writer, value) {
      if (value.length !== lengthBytes * 2) throw new FormatError(`"${value}" is not ${lengthBytes} bytes of hex`);
      const at = writer.reserve(lengthBytes);
      if (writer.buffer.write(value, at, 'hex') !== lengthBytes) throw new FormatError(`"${value}" is not hex`);
    },
    read(reader) {
      const at = reader.take(lengthBytes);
      return reader.buffer.toString('hex', at, at + lengthBytes);
    },
  };
}

export function list<T>(item: Codec<T>): Codec<T[]> {
  return {
    type: `list (u32 count) of ${item.type}`,
    item,
    write(writer, values) {
      u32.write(writer, values.length);
      for (const value of values) item.write(writer, value);
    },
    read(reader) {
      const count = u32.read(reader);
      if (count > reader.buffer.length - reader.offset)
        throw new FormatError(`a list of ${count} does not fit its input`);
      const values: T[] = [];
      for (let i = 0; i < count; i++) values.push(item.read(reader));
      return values;
    },
  };
}

/** Text keys to text values, written in the order of the object's keys. */
export const textMap: Codec<Record<string, string>> = {
  type: 'list (u32 count) of text pairs',
  write(writer, value) {
    const entries = Object.entries(value);
    u32.write(writer, entries.length);
    for (const [key, item] of entries) {
      text.write(writer, key);
      text.write(writer, item);
    }
  },
  read(reader) {
    const value: Record<string, string> = Object.create(null);
    const count = u32.read(reader);
    for (let i = 0; i < count; i++) {
      const key = text.read(reader);
      value[key] = text.read(reader);
    }
    return value;
  },
};

export function optional<T>(item: Codec<T>): Codec<T | null> {
  return {
    type: `optional (u8: 0 or 1) ${item.type}`,
    item,
    write(writer, value) {
      bool.write(writer, value !== null);
      if (value !== null) item.write(writer, value);
    },
    read: (reader) => (bool.read(reader) ? item.read(reader) : null),
  };
}

/** One of the given words, as its index in the list; words are only ever appended. */
export function choice<const W extends readonly string[]>(words: W): Codec<W[number]> {
  return {
    type: `u8: ${words.map((word, index) => `${index} ${word}`).join(', ')}`,
    write: (writer, value) => u8.write(writer, words.indexOf(value)),
    read(reader) {
      const index = u8.read(reader);
      const word = words[index];
      if (word === undefined) throw new FormatError(`${index} is none of ${words.join(', ')}`);
      return word;
    },
  };
}

/** A field: how it is written, and why it is there. */
export type Field<T> = readonly [codec: Codec<T>, reason: string];
// biome-ignore lint/suspicious/noExplicitAny: the field map is generic over every field's own type
export type Fields = Record<string, Field<any>>;
export type ValueOfFields<F extends Fields> = { [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** A group of fields without a version of its own: a part of a format. */
export function struct<F extends Fields>(name: string, fields: F): Codec<ValueOfFields<F>> & { fields: F } {
  const entries = Object.entries(fields);
  return {
    type: name,
    fields,
    write(writer, value) {
      for (const [key, [codec]] of entries) codec.write(writer, value[key as keyof F]);
    },
    read(reader) {
      const value: Record<string, unknown> = {};
      for (const [key, [codec]] of entries) value[key] = codec.read(reader);
      return value as ValueOfFields<F>;
    },
  };
}

export interface Format<T> {
  readonly name: string;
  readonly version: number;
  readonly fields: Fields;
  /** The encoding in pieces, for scatter writes: long byte fields are the caller's own buffers. */
  pieces(value: T): Uint8Array[];
  encode(value: T): Buffer;
  /** Throws FormatError for anything that is not exactly one value of this format and version. */
  decode(input: Uint8Array): T;
}

/** A versioned format: one version byte, then the fields in order. */
export function format<F extends Fields>(name: string, version: number, fields: F): Format<ValueOfFields<F>> {
  const body = struct(name, fields);
  const pieces = (value: ValueOfFields<F>) => {
    const writer = new Writer();
    u8.write(writer, version);
    body.write(writer, value);
    return writer.pieces();
  };
  return {
    name,
    version,
    fields,
    pieces,
    encode: (value) => Buffer.concat(pieces(value)),
    decode(input) {
      const buffer = Buffer.isBuffer(input) ? input : Buffer.from(input.buffer, input.byteOffset, input.byteLength);
      const reader = new Reader(buffer);
      try {
        const found = u8.read(reader);
        if (found !== version) throw new FormatError(`version ${found} where ${version} is known`);
        const value = body.read(reader);
        if (reader.offset !== buffer.length) throw new FormatError(`${buffer.length - reader.offset} bytes too many`);
        return value;
      } catch (error) {
        if (error instanceof FormatError) throw new FormatError(`${name}: ${error.message}`);
        throw error;
      }
    },
  };
}
