// What authentication gives the rest of the front end: who asks, and how the body has to be checked.
import type { KeyObject } from 'node:crypto';

/** Where secrets come from. A lookup is synchronous: it happens on every request. */
export interface Credentials {
  lookup(accessKeyId: string): Credential | null;
}

export interface Credential {
  readonly secretAccessKey: string;
  /** Who this is, as policies and logs name them. */
  readonly principal: string;
}

export interface Authentication {
  readonly accessKeyId: string;
  readonly principal: string;
  /** Whether the signature came in the query (a presigned URL) rather than in the Authorization header. */
  readonly presigned: boolean;
  readonly payload: PayloadRule;
}

/** How the client vouches for the body: the meaning of x-amz-content-sha256. */
export type PayloadRule =
  /** One SHA-256 over the whole body, 64 lower-case hexadecimal digits. */
  | { readonly kind: 'signed'; readonly sha256: string }
  | { readonly kind: 'unsigned' }
  /** aws-chunked, each chunk with a signature that continues the request's. */
  | { readonly kind: 'chunks-signed'; readonly trailer: boolean; readonly signing: ChunkSigning }
  /** aws-chunked without chunk signatures, a checksum in the trailer. */
  | { readonly kind: 'chunks-unsigned' };

/** What a chunk's signature is made from, besides the chunk. */
export interface ChunkSigning {
  /** For the error that a wrong chunk gets. */
  readonly accessKeyId: string;
  readonly signingKey: KeyObject;
  /** "20130524T000000Z" */
  readonly timestamp: string;
  /** "20130524/us-east-1/s3/aws4_request" */
  readonly scope: string;
  /** Of the request itself; the first chunk's signature follows it. 64 hexadecimal digits. */
  readonly seedSignature: string;
}
