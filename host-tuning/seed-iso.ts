// The seed as an ISO 9660 image labelled "cidata", which is how cloud-init finds it on a drive. Names with hyphens need Joliet, which
// Linux reads. Written here and not by a program, because those stamp the image with the time, and the same seed must be the same bytes.
const SECTOR = 2048;
/** 16 sectors that belong to the system, two volume descriptors, and their end. */
const FIRST_FREE_SECTOR = 19;
const LABEL = 'cidata';

/** Names of at most 64 letters, by text. All lie in the root directory. */
export function seedIso(files: ReadonlyMap<string, string>): Uint8Array {
  const names = [...files.keys()].sort();
  const plain: DirectoryProps = { sector: FIRST_FREE_SECTOR + 4, nameOf: plainName };
  const joliet: DirectoryProps = { sector: FIRST_FREE_SECTOR + 5, nameOf: utf16 };
  let next = joliet.sector + 1;
  const placed = names.map((name): PlacedFile => {
    const bytes = Buffer.from(files.get(name)!, 'utf8');
    const file = { name, bytes, sector: next };
    next += Math.max(1, Math.ceil(bytes.length / SECTOR));
    return file;
  });
  const image = Buffer.alloc(next * SECTOR);
  const put = (sector: number, bytes: Buffer) => bytes.copy(image, sector * SECTOR);
  put(16, volumeDescriptor(1, plain, next, FIRST_FREE_SECTOR));
  put(17, volumeDescriptor(2, joliet, next, FIRST_FREE_SECTOR + 2));
  put(18, Buffer.from([255, ...Buffer.from('CD001'), 1]));
  put(FIRST_FREE_SECTOR, pathTable(plain.sector, 'little'));
  put(FIRST_FREE_SECTOR + 1, pathTable(plain.sector, 'big'));
  put(FIRST_FREE_SECTOR + 2, pathTable(joliet.sector, 'little'));
  put(FIRST_FREE_SECTOR + 3, pathTable(joliet.sector, 'big'));
  put(plain.sector, directory(plain, placed));
  put(joliet.sector, directory(joliet, placed));
  for (const { sector, bytes } of placed) put(sector, bytes);
  return image;
}

interface PlacedFile {
  readonly name: string;
  readonly bytes: Buffer;
  readonly sector: number;
}

interface DirectoryProps {
  readonly sector: number;
  readonly nameOf: (name: string) => Buffer;
}

/** ECMA-119, 8.4 and 8.5. type 1: plain names; 2: Joliet, UCS-2 level 3. Times are not given. */
function volumeDescriptor(type: 1 | 2, root: DirectoryProps, sectors: number, pathTableSector: number): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  const text = (at: number, length: number, value: string) => {
    const blank = type === 1 ? Buffer.from(' ') : utf16(' ');
    Buffer.alloc(length, blank).copy(bytes, at);
    (type === 1 ? Buffer.from(value) : utf16(value)).copy(bytes, at);
  };
  bytes[0] = type;
  bytes.write('CD001', 1, 'latin1');
  bytes[6] = 1;
  text(8, 32, '');
  text(40, 32, LABEL);
  both32(bytes, 80, sectors);
  if (type === 2) bytes.write('%/E', 88, 'latin1');
  both16(bytes, 120, 1);
  both16(bytes, 124, 1);
  both16(bytes, 128, SECTOR);
  both32(bytes, 132, 10);
  bytes.writeUInt32LE(pathTableSector, 140);
  bytes.writeUInt32BE(pathTableSector + 1, 148);
  record(Buffer.from([0]), root.sector, SECTOR, true).copy(bytes, 156);
  for (const [at, length] of [
    [190, 128],
    [318, 128],
    [446, 128],
    [574, 128],
    [702, 37],
    [739, 37],
    [776, 37],
  ] as const)
    text(at, length, '');
  for (const at of [813, 830, 847, 864]) bytes.write('0'.repeat(16), at, 'latin1');
  bytes[881] = 1;
  return bytes;
}

/** Only the root, which is its own parent. */
function pathTable(rootSector: number, order: 'little' | 'big'): Buffer {
  const bytes = Buffer.alloc(10);
  bytes[0] = 1;
  if (order === 'little') {
    bytes.writeUInt32LE(rootSector, 2);
    bytes.writeUInt16LE(1, 6);
  } else {
    bytes.writeUInt32BE(rootSector, 2);
    bytes.writeUInt16BE(1, 6);
  }
  return bytes;
}

function directory({ sector, nameOf }: DirectoryProps, files: readonly PlacedFile[]): Buffer {
  const own = [Buffer.from([0]), Buffer.from([1])].map((name) => record(name, sector, SECTOR, true));
  const bytes = Buffer.concat([
    ...own,
    ...files.map((file) => record(nameOf(file.name), file.sector, file.bytes.length, false)),
  ]);
  if (bytes.length > SECTOR) throw new Error('the names of a seed do not fit into one sector');
  return bytes;
}

/** ECMA-119, 9.1. */
function record(name: Buffer, sector: number, sizeBytes: number, isDirectory: boolean): Buffer {
  const length = 33 + name.length + (name.length % 2 === 0 ? 1 : 0);
  const bytes = Buffer.alloc(length);
  bytes[0] = length;
  both32(bytes, 2, sector);
  both32(bytes, 10, sizeBytes);
  // The first day of 1980, as a time that no reader stumbles over.
  bytes.set([80, 1, 1], 18);
  bytes[25] = isDirectory ? 2 : 0;
  both16(bytes, 28, 1);
  bytes[32] = name.length;
  name.copy(bytes, 33);
  return bytes;
}

/** "user-data" → "USER_DAT.;1": for whoever does not know Joliet. */
function plainName(name: string): Buffer {
  const [stem, ending = ''] = name
    .toUpperCase()
    .replace(/[^A-Z0-9.]/g, '_')
    .split('.');
  return Buffer.from(`${stem!.slice(0, 8)}.${ending.slice(0, 3)};1`);
}

function utf16(text: string): Buffer {
  return Buffer.from(text, 'utf16le').swap16();
}

function both16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}

function both32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}
