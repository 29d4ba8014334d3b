// A request as operations see it: authenticated, its address decoded and checked, its body not yet read.
import type { Body } from '../cluster/object-store.ts';
import type { Address, Query } from './address.ts';
import type { Authentication } from './auth/authentication.ts';
import type { HeaderList } from './auth/request.ts';
import { openBody, readBody } from './body/body.ts';
import { CHECKSUM_ALGORITHMS } from './body/checksums.ts';
import type { BodyOptions } from './body/declared-body.ts';
import { S3Error } from './errors.ts';
import { parseXml, type XmlElement } from './xml-reader.ts';

export interface RequestParts {
  readonly address: Address;
  readonly query: Query;
  /** See presigned-headers.ts. */
  readonly headers: HeaderList;
  readonly authentication: Authentication;
  /** "http://host:port", as the client wrote it; for the Location of what it made. */
  readonly origin: string;
  /** The bytes as they come from the client. Nothing is read, and no 100 Continue is sent, before the iteration starts. */
  readonly source: AsyncIterable<Uint8Array>;
}

export class S3Request {
  readonly bucket: string;
  readonly key: string;
  readonly query: Query;
  readonly headers: HeaderList;
  readonly authentication: Authentication;
  readonly origin: string;
  readonly #source: AsyncIterable<Uint8Array>;

  constructor(parts: RequestParts) {
    this.bucket = parts.address.bucket;
    this.key = parts.address.key;
    this.query = parts.query;
    this.headers = parts.headers;
    this.authentication = parts.authentication;
    this.origin = parts.origin;
    this.#source = parts.source;
  }

  /** Throws S3Error for what is wrong with the headers; what is wrong with the bytes comes while they are read. */
  openBody(options?: BodyOptions): Body {
    return openBody(this.#source, this.headers, this.authentication.payload, options);
  }

  /** Whether the client says that there is a body. */
  get hasBody(): boolean {
    return this.headers.has('transfer-encoding') || (this.headers.get('content-length') ?? '0') !== '0';
  }

  /**
   * The XML document in the body; headers: those that describe it. Throws S3Error('MissingRequestBodyError' | 'MalformedXML' |
   * 'MaxMessageLengthExceeded' | …).
   */
  async readXml(sizeBytesMax: number, headers: HeaderList = this.headers): Promise<XmlElement> {
    if (!this.hasBody) throw new S3Error('MissingRequestBodyError');
    const body = openBody(this.#source, headers, this.authentication.payload);
    return parseXml(await readBody(body, sizeBytesMax));
  }

  /** Whether the client sends a digest with the body, as S3 demands for some XML documents. */
  get hasBodyDigest(): boolean {
    return (
      this.headers.has('content-md5') ||
      this.headers.has('x-amz-trailer') ||
      CHECKSUM_ALGORITHMS.some((algorithm) => this.headers.has(`x-amz-checksum-${algorithm}`))
    );
  }
}
