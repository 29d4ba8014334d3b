// Where an object of any key goes in a file system, and back: a bijection between keys and relative paths, natural for ordinary
// keys ("photos/2026/a.jpg" is just that). "%" is the sign that something is not as it reads:
//   %25, %00 … %1F, %7F   a percent sign, a control character
//   %2E                   a dot, in a part of the key that is "." or ".."
//   %-                    a part of the key that is empty (from "/" at either end, or "//")
//   %+                    at the end of a name: the part of the key goes on in the next name, for want of room
//   %=                    the object whose key is also the directory of others: a/%= is "a", where there is "a/b", too

/** Names are cut here, with room for the sign. */
const NAME_BYTES_MAX = 240;
const EMPTY = '%-';
const GOES_ON = '%+';
const SELF = '%=';

/** isDirectory: there are objects whose keys start with this key and a slash. */
export function objectPath(key: string, isDirectory: boolean): string {
  const names = key.split('/').flatMap(partNames);
  return [...names, ...(isDirectory ? [SELF] : [])].join('/');
}

/** A bucket's directory; "manifest.jsonl" is taken. */
export function bucketPath(bucketName: string): string {
  const [name] = partNames(bucketName);
  return name === MANIFEST_FILE ? name.replaceAll('.', '%2E') : name!;
}

export const MANIFEST_FILE = 'manifest.jsonl';

/** The key that objectPath gave this path for. */
export function keyOfPath(path: string): string {
  const names = path.split('/');
  if (names.at(-1) === SELF) names.pop();
  let key = '';
  for (const [i, name] of names.entries()) {
    const goesOn = name.endsWith(GOES_ON);
    key += decoded(goesOn ? name.slice(0, -GOES_ON.length) : name);
    if (!goesOn && i < names.length - 1) key += '/';
  }
  return key;
}

function partNames(part: string): string[] {
  if (part === '') return [EMPTY];
  if (part === '.' || part === '..') return [part.replaceAll('.', '%2E')];
  const names: string[] = [];
  let name = '';
  let nameBytes = 0;
  for (const character of part) {
    const encoded = encodedCharacter(character);
    const bytes = Buffer.byteLength(encoded);
    if (nameBytes + bytes > NAME_BYTES_MAX) {
      names.push(name + GOES_ON);
      name = '';
      nameBytes = 0;
    }
    name += encoded;
    nameBytes += bytes;
  }
  return [...names, name];
}

function encodedCharacter(character: string): string {
  const code = character.codePointAt(0)!;
  const isOrdinary = code >= 0x20 && code !== 0x7f && character !== '%';
  return isOrdinary ? character : `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
}

function decoded(name: string): string {
  if (name === EMPTY) return '';
  return name.replace(/%([0-9A-F]{2})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}
