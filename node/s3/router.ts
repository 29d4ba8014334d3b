// Finds the operation that a request asks for, by method, scope, query and x-amz-copy-source. What S3 has and Ashlar has not
// is NotImplemented, never something else that happens to have the same address.
import type { Query } from './address.ts';
import type { HeaderList } from './auth/request.ts';
import { S3Error } from './errors.ts';
import type { Operation, Scope } from './operation.ts';

/** Query parameters by which S3 means another operation; all others modify the operation or mean nothing. */
export const SUBRESOURCES: ReadonlySet<string> = new Set([
  'abac',
  'accelerate',
  'acl',
  'analytics',
  'append',
  'attributes',
  'cors',
  'delete',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'list-type',
  'location',
  'logging',
  'metadataConfiguration',
  'metadataInventoryTable',
  'metadataJournalTable',
  'metadataTable',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'renameObject',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'session',
  'tagging',
  'torrent',
  'uploadId',
  'uploads',
  'versioning',
  'versions',
  'website',
]);

/** The operations that one address and set of parameters can mean. */
interface Choice {
  ordinary: Operation | null;
  copying: Operation | null;
}

interface Table {
  readonly plain: Choice;
  readonly byQuery: Map<string, Choice>;
}

export class Router {
  readonly #tables = new Map<string, Table>();

  /** Throws Error when two operations cannot be told apart. */
  constructor(operations: readonly Operation[]) {
    for (const operation of operations) {
      const table = this.#table(operation.method, operation.scope);
      if (operation.queries.length === 0) add(table.plain, operation);
      for (const query of operation.queries) {
        const choice = table.byQuery.get(query) ?? { ordinary: null, copying: null };
        table.byQuery.set(query, choice);
        add(choice, operation);
      }
    }
  }

  /** Throws S3Error('MethodNotAllowed' | 'NotImplemented'). */
  route(method: string, scope: Scope, query: Query, headers: HeaderList): Operation {
    const table = this.#tables.get(scope + method);
    if (table === undefined) throw methodNotAllowed(method, scope);
    let unknown: string | null = null;
    for (const name of query.keys()) {
      const choice = table.byQuery.get(name);
      if (choice !== undefined) return choose(choice, headers, method, scope);
      if (SUBRESOURCES.has(name)) unknown = name;
    }
    if (unknown !== null) {
      throw new S3Error('NotImplemented', `${method} with ?${unknown} is not implemented.`, { Query: unknown });
    }
    return choose(table.plain, headers, method, scope);
  }

  #table(method: string, scope: Scope): Table {
    const found = this.#tables.get(scope + method);
    if (found !== undefined) return found;
    const table: Table = { plain: { ordinary: null, copying: null }, byQuery: new Map() };
    this.#tables.set(scope + method, table);
    return table;
  }
}

function add(choice: Choice, operation: Operation): void {
  const place = operation.copies === true ? 'copying' : 'ordinary';
  if (choice[place] !== null)
    throw new Error(`${operation.name} and ${choice[place].name} are asked for in the same way`);
  choice[place] = operation;
}

function choose(choice: Choice, headers: HeaderList, method: string, scope: Scope): Operation {
  const operation = choice.copying !== null && headers.has('x-amz-copy-source') ? choice.copying : choice.ordinary;
  if (operation === null) throw methodNotAllowed(method, scope);
  return operation;
}

function methodNotAllowed(method: string, scope: Scope): S3Error {
  return new S3Error('MethodNotAllowed', undefined, {
    Method: method,
    ResourceType: scope === 'service' ? 'SERVICE' : scope.toUpperCase(),
  });
}
