// Reads the XML documents that S3 requests carry: elements and text, nothing else. Strict and small on purpose: no document
// types, no entities but the five predefined and character references, so nothing can expand; anything else is MalformedXML.
// Attributes and name prefixes are read over: namespaces do not tell S3's elements apart.
import { S3Error } from './errors.ts';

export interface XmlElement {
  /** Without a namespace prefix. */
  readonly name: string;
  /** The text between the tags, references resolved; of an element with elements in it, the white space between them. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

/** S3's documents are three elements deep; more is an attack or a mistake. */
const DEPTH_MAX = 16;

/** The root element. Throws S3Error('MalformedXML'). */
export function parseXml(bytes: Uint8Array): XmlElement {
  let source: string;
  try {
    source = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw malformed('it is not UTF-8', { cause: error });
  }
  return new Parser(source.replaceAll('\r\n', '\n').replaceAll('\r', '\n')).document();
}

/** The only child of that name, or null. Throws MalformedXML when there are several. */
export function child(parent: XmlElement, name: string): XmlElement | null {
  const found = parent.children.filter((candidate) => candidate.name === name);
  if (found.length > 1) throw malformed(`<${parent.name}> has ${found.length} <${name}>`);
  return found[0] ?? null;
}

/** The text of the only child of that name, or null. */
export function childText(parent: XmlElement, name: string): string | null {
  const found = child(parent, name);
  if (found === null) return null;
  if (found.children.length > 0) throw malformed(`<${name}> holds elements where text is expected`);
  return found.text;
}

/** Throws MalformedXML when the element is another one or has children that the schema does not know. */
export function expectElement(found: XmlElement, name: string, children: readonly string[]): void {
  if (found.name !== name) throw malformed(`<${found.name}> stands where <${name}> is expected`);
  for (const { name: childName } of found.children) {
    if (!children.includes(childName)) throw malformed(`<${name}> cannot hold <${childName}>`);
  }
  if (found.children.length > 0 && found.text.trim() !== '')
    throw malformed(`<${name}> holds text between its elements`);
}

export function malformed(what: string, options?: ErrorOptions): S3Error {
  return new S3Error(
    'MalformedXML',
    `The XML you provided was not well-formed or did not validate against our published schema: ${what}.`,
    {},
    options,
  );
}

interface OpenElement {
  readonly name: string;
  readonly qualifiedName: string;
  readonly children: XmlElement[];
  text: string;
}

class Parser {
  readonly #source: string;
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  document(): XmlElement {
    if (this.#source.startsWith('\uFEFF')) this.#at = 1;
    if (this.#source.startsWith('<?xml', this.#at)) this.#skipPast('?>');
    this.#skipMisc();
    const root = this.#root();
    this.#skipMisc();
    if (this.#at < this.#source.length) throw malformed('something follows the root element');
    return root;
  }

  #root(): XmlElement {
    const open: OpenElement[] = [];
    for (;;) {
      const top = open.at(-1);
      if (top !== undefined) top.text += this.#text();
      if (this.#source.startsWith('<!--', this.#at)) {
        this.#comment();
      } else if (this.#source.startsWith('</', this.#at)) {
        const closed = this.#close(open);
        const parent = open.at(-1);
        if (parent === undefined) return closed;
        parent.children.push(closed);
      } else {
        const { element, empty } = this.#open();
        if (!empty) {
          open.push(element);
          if (open.length > DEPTH_MAX) throw malformed('elements are nested too deep');
        } else if (top === undefined) {
          return element;
        } else {
          top.children.push(element);
        }
      }
    }
  }

  #open(): { element: OpenElement; empty: boolean } {
    if (this.#source[this.#at] !== '<') throw malformed('an element is expected');
    this.#at++;
    const qualifiedName = this.#name();
    for (;;) {
      const spaced = this.#skipSpace();
      if (this.#take('/>')) return { element: openElement(qualifiedName), empty: true };
      if (this.#take('>')) return { element: openElement(qualifiedName), empty: false };
      if (!spaced) throw malformed(`<${qualifiedName} is not closed`);
      this.#attribute();
    }
  }

  #close(open: OpenElement[]): XmlElement {
    this.#at += 2;
    const name = this.#name();
    this.#skipSpace();
    if (!this.#take('>')) throw malformed(`</${name} is not closed`);
    const element = open.pop();
    if (element === undefined || element.qualifiedName !== name) throw malformed(`</${name}> closes nothing`);
    return element;
  }

  #attribute(): void {
    this.#name();
    this.#skipSpace();
    if (!this.#take('=')) throw malformed('an attribute has no value');
    this.#skipSpace();
    const quote = this.#source[this.#at];
    if (quote !== '"' && quote !== "'") throw malformed('an attribute is not quoted');
    this.#at++;
    const start = this.#at;
    this.#skipPast(quote);
    if (this.#source.slice(start, this.#at).includes('<')) throw malformed('an attribute holds "<"');
  }

  #name(): string {
    const start = this.#at;
    while (this.#at < this.#source.length && isNameCharacter(this.#source.charCodeAt(this.#at))) this.#at++;
    const name = this.#source.slice(start, this.#at);
    if (name === '' || /^[-.0-9:]|:$|:.*:/.test(name)) throw malformed('an element or attribute has no proper name');
    return name;
  }

  /** Up to the next tag or comment. */
  #text(): string {
    const end = this.#source.indexOf('<', this.#at);
    if (end < 0) throw malformed('it ends too early');
    const raw = this.#source.slice(this.#at, end);
    this.#at = end;
    if (raw.includes(']]>')) throw malformed('"]]>" stands in text');
    return resolveReferences(raw);
  }

  #comment(): void {
    this.#at += 4;
    const end = this.#source.indexOf('--', this.#at);
    if (end < 0 || this.#source[end + 2] !== '>') throw malformed('a comment is not closed');
    this.#at = end + 3;
  }

  #skipMisc(): void {
    for (;;) {
      this.#skipSpace();
      if (!this.#source.startsWith('<!--', this.#at)) return;
      this.#comment();
    }
  }

  #skipSpace(): boolean {
    const start = this.#at;
    while (isSpace(this.#source.charCodeAt(this.#at))) this.#at++;
    return this.#at > start;
  }

  #skipPast(mark: string): void {
    const end = this.#source.indexOf(mark, this.#at);
    if (end < 0) throw malformed('it ends too early');
    this.#at = end + mark.length;
  }

  #take(mark: string): boolean {
    if (!this.#source.startsWith(mark, this.#at)) return false;
    this.#at += mark.length;
    return true;
  }
}

function openElement(qualifiedName: string): OpenElement {
  const colon = qualifiedName.indexOf(':');
  return { name: qualifiedName.slice(colon + 1), qualifiedName, children: [], text: '' };
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x09 || code === 0x0d;
}

function isNameCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || // a-z
    (code >= 0x41 && code <= 0x5a) || // A-Z
    (code >= 0x30 && code <= 0x3a) || // 0-9 and :
    code === 0x2d ||
    code === 0x2e ||
    code === 0x5f ||
    code >= 0x80
  );
}

const PREDEFINED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function resolveReferences(raw: string): string {
  if (!raw.includes('&')) return checkCharacters(raw);
  let text = '';
  let at = 0;
  for (let mark = raw.indexOf('&'); mark >= 0; mark = raw.indexOf('&', at)) {
    const end = raw.indexOf(';', mark);
    if (end < 0) throw malformed('"&" is not written as "&amp;"');
    text += raw.slice(at, mark) + resolve(raw.slice(mark + 1, end));
    at = end + 1;
  }
  return checkCharacters(text + raw.slice(at));
}

function resolve(reference: string): string {
  const match = /^#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}))$/.exec(reference);
  if (match === null) {
    if (!Object.hasOwn(PREDEFINED, reference)) throw malformed(`the entity "${reference.slice(0, 40)}" is not defined`);
    return PREDEFINED[reference]!;
  }
  const code = match[1] !== undefined ? Number.parseInt(match[1], 16) : Number(match[2]);
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw malformed(`there is no character ${code}`);
  return String.fromCodePoint(code);
}

/**
 * Control characters are let through, though XML 1.0 forbids them: a key may hold them, and a client has no other way to
 * name such a key in a DeleteObjects request. Only NUL, which no key may hold, is refused.
 */
function checkCharacters(text: string): string {
  if (text.includes('\0')) throw malformed('it holds a NUL character');
  return text;
}
