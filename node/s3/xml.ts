// Writes XML. Every text goes through `escapeXml`, so that a key with markup or control characters in it cannot change the
// document. Elements are built in the order they are written, which is the order AWS gives.

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';
const DECLARATION = '<?xml version="1.0" encoding="UTF-8"?>\n';

/** A whole document in S3's namespace; content is made with `element` and `group`. */
export function xmlDocument(root: string, content: string): string {
  return `${DECLARATION}<${root} xmlns="${NAMESPACE}">${content}</${root}>`;
}

/** The same without a namespace, as AWS writes errors. */
export function plainXmlDocument(root: string, content: string): string {
  return `${DECLARATION}<${root}>${content}</${root}>`;
}

/** An element with text. */
export function element(name: string, text: string | number | boolean): string {
  return `<${name}>${typeof text === 'string' ? escapeXml(text) : text}</${name}>`;
}

/** An element with text, or nothing when there is none. */
export function optional(name: string, text: string | number | null | undefined): string {
  return text === null || text === undefined ? '' : element(name, text);
}

/** An element with elements. */
export function group(name: string, content: string): string {
  return `<${name}>${content}</${name}>`;
}

// Everything that must not stand as it is: markup, and what XML parsers drop, change or refuse.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const UNSAFE = /[&<>"'\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it is about
const UNSAFE_ALL = /[&<>"'\u0000-\u001f\u007f-\u009f\u2028\ufffe\uffff]/g;

/**
 * XML 1.0 has no way to write most control characters; AWS writes them as references (&#x1;) all the same, and clients that
 * care ask for encoding-type=url.
 */
export function escapeXml(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_ALL, reference) : text;
}

function reference(character: string): string {
  switch (character) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '"':
      return '&quot;';
    case "'":
      return '&apos;';
    default:
      return `&#x${character.charCodeAt(0).toString(16)};`;
  }
}
