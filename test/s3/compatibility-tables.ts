// The tables of docs/s3-compatibility.md, made from the code: operations from the registry, refused headers and subresources
// from their tables. `node test/s3/compatibility-tables.ts` writes them into the document; a test compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { S3_ERRORS } from '../../node/s3/errors.ts';
import type { Operation } from '../../node/s3/operation.ts';
import { OPERATIONS } from '../../node/s3/operations/registry.ts';
import { REFUSALS } from '../../node/s3/refusals.ts';
import { SUBRESOURCES } from '../../node/s3/router.ts';

export const DOCUMENT = new URL('../../docs/s3-compatibility.md', import.meta.url);

/** The document with its generated parts as they must be. Throws Error when one has no place in it. */
export function withTables(document: string): string {
  let updated = document;
  for (const [name, table] of Object.entries(tables())) {
    const [begin, end] = [`<!-- ${name}: made by test/s3/compatibility-tables.ts -->\n`, `<!-- end of ${name} -->`];
    const [from, to] = [updated.indexOf(begin), updated.indexOf(end)];
    if (from < 0 || to < from) throw new Error(`the document has no place for ${name}`);
    updated = `${updated.slice(0, from) + begin}\n${table}\n${updated.slice(to)}`;
  }
  return updated;
}

function tables(): Record<string, string> {
  return {
    operations: rows(
      ['Operation', 'Request', 'What is particular'],
      OPERATIONS.map((operation) => [operation.name, `\`${requestOf(operation)}\``, operation.note]),
    ),
    headers: rows(
      ['Header', 'Accepted', 'Anything else'],
      REFUSALS.map(({ header, accepted, code }) => [
        `\`${header}\``,
        accepted.length === 0 ? 'nothing' : accepted.map((value) => `\`${value}\``).join(', '),
        `${S3_ERRORS[code].status} ${code}`,
      ]),
    ),
    subresources: `${[...SUBRESOURCES].map((name) => `\`${name}\``).join(', ')}\n`,
  };
}

function requestOf({ method, scope, queries, copies }: Operation): string {
  const path = { service: '/', bucket: '/bucket', object: '/bucket/key' }[scope];
  const query = queries.length === 0 ? '' : `?${queries.join('&')}`;
  return `${method} ${path}${query}${copies === true ? ' + x-amz-copy-source' : ''}`;
}

function rows(head: readonly string[], body: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |\n`;
  return line(head) + line(head.map(() => '---')) + body.map(line).join('');
}

if (import.meta.main) writeFileSync(DOCUMENT, withTables(readFileSync(DOCUMENT, 'utf8')));
