// The bytes of an incoming HTTP request as an async iterable.
import type { Readable } from 'node:stream';
import type { Clock } from '../../io/clock.ts';

export interface SourceOptions {
  readonly clock: Clock;
  /** A client that sends nothing for so long while we wait for it gets RequestTimeout. Default 60,000. */
  readonly idleTimeoutMs?: number;
}

/**
 * Unlike iterating over the stream itself: ending the iteration early leaves the connection open, so that an error can still
 * be answered; a vanished client is S3Error('IncompleteBody'), a silent one S3Error('RequestTimeout'). No listener stays.
 */
export declare function requestSource(stream: Readable, options: SourceOptions): AsyncIterable<Uint8Array>;
