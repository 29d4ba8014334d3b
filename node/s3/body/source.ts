// The bytes of an incoming HTTP request as an async iterable. The stream is only read when the consumer asks, so a slow store
// slows the client down through TCP, and no more than the stream's own buffer (64 KiB) waits in memory.
import type { Readable } from 'node:stream';
import type { Clock } from '../../io/clock.ts';
import { S3Error } from '../errors.ts';

export interface SourceOptions {
  readonly clock: Clock;
  /** A client that sends nothing for so long while we wait for it gets RequestTimeout. Default 60,000. */
  readonly idleTimeoutMs?: number;
}

const IDLE_TIMEOUT_MS = 60_000;

/**
 * Unlike iterating over the stream itself: ending the iteration early leaves the connection open, so that an error can still
 * be answered; a vanished client is S3Error('IncompleteBody'), a silent one S3Error('RequestTimeout'). No listener stays.
 */
export async function* requestSource(
  stream: Readable,
  { clock, idleTimeoutMs = IDLE_TIMEOUT_MS }: SourceOptions,
): AsyncGenerator<Buffer, void, undefined> {
  let wake: (() => void) | null = null;
  let failure: S3Error | null = null;
  const onProgress = () => wake?.();
  const fail = (error: S3Error) => {
    failure ??= error;
    wake?.();
  };
  const onError = (cause: Error) => fail(clientGone(cause));
  const onClose = () => {
    if (!stream.readableEnded) fail(clientGone());
  };
  stream.on('readable', onProgress).on('end', onProgress).on('error', onError).on('close', onClose);
  try {
    if (stream.errored !== null) throw clientGone(stream.errored);
    if (stream.destroyed && !stream.readableEnded) throw clientGone();
    while (!stream.readableEnded) {
      const piece: Buffer | null = failure === null ? stream.read() : null;
      if (piece !== null) {
        yield piece;
        continue;
      }
      if (failure === null && !stream.readableEnded) {
        const timer = clock.setTimer(idleTimeoutMs, () => fail(new S3Error('RequestTimeout')));
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = null;
        timer.cancel();
      }
      if (failure !== null) throw failure;
    }
  } finally {
    stream.off('readable', onProgress).off('end', onProgress).off('error', onError).off('close', onClose);
  }
}

function clientGone(cause?: Error): S3Error {
  return new S3Error('IncompleteBody', undefined, {}, { cause });
}
