// What an S3 operation is: how a request for it is recognised, and the function that answers it. An operation gets a checked
// request and gives back a value; it never touches the socket.
import type { ObjectStore } from '../cluster/object-store.ts';
import type { Clock } from '../io/clock.ts';
import type { S3Request } from './request.ts';

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'DELETE';

/** What the address names: "/", "/bucket" or "/bucket/key". */
export type Scope = 'service' | 'bucket' | 'object';

export interface Operation {
  /** AWS's name for it, for instance "PutObject". */
  readonly name: string;
  readonly method: Method;
  readonly scope: Scope;
  /** Query parameters of which any one selects this operation; empty for the one that is meant without any. */
  readonly queries: readonly string[];
  /** Whether x-amz-copy-source tells it from its neighbour. Absent: such a header makes no difference. */
  readonly copies?: boolean;
  /** One sentence for docs/s3-compatibility.md: what is particular here. */
  readonly note: string;
  readonly handle: (request: S3Request, context: S3Context) => Promise<S3Reply>;
}

/** What operations work with besides the request. */
export interface S3Context {
  readonly store: ObjectStore;
  readonly clock: Clock;
  readonly region: string;
}

export interface S3Reply {
  readonly status: number;
  /** Names as they go on the wire; values hold code units 0-255 only. */
  readonly headers: Readonly<Record<string, string>>;
  /** An XML document, the bytes of an object, or nothing. */
  readonly body: string | StreamBody | null;
}

export interface StreamBody {
  /** Exactly so many bytes, else the connection is cut so that nobody takes the answer for complete. */
  readonly sizeBytes: number;
  readonly stream: AsyncIterable<Uint8Array>;
}

export function emptyReply(status: number, headers: Readonly<Record<string, string>> = {}): S3Reply {
  return { status, headers, body: null };
}

export function xmlReply(document: string, headers: Readonly<Record<string, string>> = {}): S3Reply {
  return { status: 200, headers, body: document };
}
