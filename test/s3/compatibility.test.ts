// docs/s3-compatibility.md says what the code does, and operations can be told apart.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { HeaderList } from '../../node/s3/auth/request.ts';
import { OPERATIONS } from '../../node/s3/operations/registry.ts';
import { Router, SUBRESOURCES } from '../../node/s3/router.ts';
import { DOCUMENT, withTables } from './compatibility-tables.ts';

test('the tables of docs/s3-compatibility.md are those of the code (node test/s3/compatibility-tables.ts writes them)', () => {
  const document = readFileSync(DOCUMENT, 'utf8');
  expect(document).toBe(withTables(document));
});

test('every operation is found by the request that the registry describes, and by no other parameter of S3', () => {
  const router = new Router(OPERATIONS);
  const none = new HeaderList([]);
  const copying = new HeaderList(['x-amz-copy-source', 'bucket/key']);
  for (const operation of OPERATIONS) {
    const headers = operation.copies === true ? copying : none;
    const names = operation.queries.length === 0 ? [[]] : operation.queries.map((name) => [name]);
    for (const name of names) {
      const query = new Map([...name, 'x-id', 'meaningless'].map((parameter) => [parameter, '']));
      expect(router.route(operation.method, operation.scope, query, headers).name).toBe(operation.name);
    }
  }
  for (const name of SUBRESOURCES) {
    const served = OPERATIONS.some(
      ({ method, scope, queries }) => method === 'PUT' && scope === 'object' && queries.includes(name),
    );
    const route = () => router.route('PUT', 'object', new Map([[name, '']]), none).name;
    if (served) expect(route()).not.toBe('PutObject');
    else expect(route).toThrow('is not implemented');
  }
});

test('two operations that are asked for in the same way are refused at the start', () => {
  const [first] = OPERATIONS;
  expect(() => new Router([first!, { ...first!, name: 'Twin' }])).toThrow('Twin and ListBuckets');
});

test('every parameter that selects an operation counts as a subresource or as a number of a part', () => {
  const selecting = OPERATIONS.flatMap(({ queries }) => queries);
  expect(selecting.filter((name) => !SUBRESOURCES.has(name))).toEqual(['partNumber', 'partNumber']);
});
