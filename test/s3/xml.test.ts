// XML both ways: what is written is read back, and what is not XML is refused.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { S3Error } from '../../node/s3/errors.ts';
import { element, plainXmlDocument } from '../../node/s3/xml.ts';
import { parseXml } from '../../node/s3/xml-reader.ts';

const parse = (text: string) => parseXml(Buffer.from(text, 'utf8'));

function refused(text: string | Uint8Array): boolean {
  try {
    parseXml(typeof text === 'string' ? Buffer.from(text, 'utf8') : text);
    return false;
  } catch (error) {
    if (error instanceof S3Error && error.code === 'MalformedXML') return true;
    throw error;
  }
}

test('any text but NUL survives being written and read', () => {
  const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0'));
  fc.assert(
    fc.property(text, text, (a, b) => {
      const root = parse(plainXmlDocument('Root', element('A', a) + element('B', b)));
      expect(root.children.map(({ name, text: inside }) => [name, inside])).toEqual([
        ['A', a],
        ['B', b],
      ]);
    }),
  );
});

test('anything at all is a value or MalformedXML, never another error', () => {
  const fragments = [
    '<',
    '>',
    '/',
    'a',
    'b:',
    '"',
    "'",
    '=',
    '&',
    ';',
    '#x41',
    '<!--',
    '-->',
    '<?xml ?>',
    ']]>',
    ' ',
    '\n',
  ];
  const soup = fc.array(fc.constantFrom(...fragments), { maxLength: 40 }).map((parts) => parts.join(''));
  fc.assert(
    fc.property(fc.oneof(soup, fc.string()), (text) => typeof refused(text) === 'boolean'),
    { numRuns: 2000 },
  );
  fc.assert(fc.property(fc.uint8Array(), (bytes) => typeof refused(bytes) === 'boolean'));
});

test('declaration, comments, attributes, namespaces and white space are read over', () => {
  const root = parse(
    '\uFEFF<?xml version="1.0" encoding="UTF-8"?>\r\n<!-- a -->\n<s3:A xmlns:s3="urn:x" b = \'c>d\'>\n' +
      '  <s3:B>x<!-- in the middle -->y</s3:B >\n  <C/>\n</s3:A>\n<!-- b -->\n',
  );
  expect(root).toMatchObject({
    name: 'A',
    children: [
      { name: 'B', text: 'xy', children: [] },
      { name: 'C', text: '', children: [] },
    ],
  });
});

test('references are resolved, line ends are one character', () => {
  expect(parse('<A>&lt;&#65;&#x1F600;&amp;lt;&#13;\r\n\r&quot;&apos;&gt;</A>').text).toBe('<A😀&lt;\r\n\n"\'>');
});

test.each([
  ['nothing', ''],
  ['text', 'text'],
  ['an open element', '<A>'],
  ['an element closed by another', '<A></B>'],
  ['a closing tag only', '</A>'],
  ['crossed elements', '<A><B></A></B>'],
  ['two roots', '<A/><B/>'],
  ['text after the root', '<A/>x'],
  ['a document type', '<!DOCTYPE A><A/>'],
  ['a document type with entities', '<!DOCTYPE A [<!ENTITY x "y">]><A>&x;</A>'],
  ['an entity of HTML', '<A>&nbsp;</A>'],
  ['a property of every object as entity', '<A>&constructor;</A>'],
  ['a bare ampersand', '<A>a & b</A>'],
  ['a reference without end', '<A>&#65</A>'],
  ['a reference to NUL', '<A>&#0;</A>'],
  ['a reference to half a character', '<A>&#xD800;</A>'],
  ['a reference past Unicode', '<A>&#x110000;</A>'],
  ['CDATA', '<A><![CDATA[x]]></A>'],
  ['the end of CDATA', '<A>]]></A>'],
  ['a processing instruction', '<A><?php ?></A>'],
  ['an attribute without quotes', '<A b=c/>'],
  ['an attribute without value', '<A b/>'],
  ['an attribute with markup', '<A b="<"/>'],
  ['attributes that touch the name', '<A"b"/>'],
  ['a name that begins with a digit', '<1/>'],
  ['a name with two prefixes', '<a:b:c/>'],
  ['a comment without end', '<!-- <A/>'],
  ['hyphens within a comment', '<!-- -- --><A/>'],
  ['a declaration that is not first', ' <?xml version="1.0"?><A/>'],
])('%s is refused', (_, text) => {
  expect(refused(text)).toBe(true);
});

test('bytes that are no UTF-8 are refused', () => {
  expect(refused(Buffer.from([0x3c, 0x41, 0x3e, 0xff, 0x3c, 0x2f, 0x41, 0x3e]))).toBe(true);
});

test('depth is bounded', () => {
  expect(refused('<A>'.repeat(16) + '</A>'.repeat(16))).toBe(false);
  expect(refused('<A>'.repeat(17) + '</A>'.repeat(17))).toBe(true);
  expect(refused('<A>'.repeat(1_000_000))).toBe(true);
});
