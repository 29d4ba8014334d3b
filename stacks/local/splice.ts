// Two sockets joined into one connection. Promises: bytes pass in both directions no faster than the slower side takes them;
// the end of one direction leaves the other open (half-close); an aborted side aborts the other, so that a cut response is
// never mistaken for a whole one; and when one side is gone the other does not stay.
import type { Socket } from 'node:net';

/** How long a side may be idle after its partner has finished and gone: it may still be reading what is in flight to it. */
const LINGER_MS = 10_000;
const FIRST_BYTES_TIMEOUT_MS = 10_000;

/** Both sockets must allow half-open connections and have an error listener: errors are handled by the 'close' that follows. */
export function splice(client: Socket, upstream: Socket): void {
  client.once('close', () => letGo(upstream, client));
  upstream.once('close', () => letGo(client, upstream));
  client.pipe(upstream);
  upstream.pipe(client);
}

/**
 * The answer when no node takes a connection: S3 clients understand a 503 and try again, a closed connection tells them
 * nothing. It waits for the request to begin, as an answer before the question is a protocol error.
 */
export function refuse(client: Socket): void {
  client.setTimeout(FIRST_BYTES_TIMEOUT_MS, () => client.destroy());
  client.once('data', (bytes: Buffer) => {
    const isHead = bytes.subarray(0, 5).toString('latin1') === 'HEAD ';
    client.setTimeout(LINGER_MS, () => client.destroy());
    // What else comes is read and dropped: closing over unread bytes would reset the connection before the answer is taken.
    client.end(unavailable(isHead));
  });
  client.once('end', () => client.end());
  client.resume();
}

function letGo(other: Socket, gone: Socket): void {
  if (other.destroyed) return;
  if (!gone.readableEnded) {
    other.resetAndDestroy();
    return;
  }
  // The partner had said everything, and that is on its way. What this side still sends has no reader and is dropped.
  other.resume();
  other.setTimeout(LINGER_MS, () => other.destroy());
}

function unavailable(isHead: boolean): string {
  const body =
    '<?xml version="1.0" encoding="UTF-8"?>\n' +
    '<Error><Code>ServiceUnavailable</Code><Message>No node of the cluster takes connections.</Message></Error>';
  return [
    'HTTP/1.1 503 Service Unavailable',
    'Content-Type: application/xml',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Retry-After: 1',
    'Connection: close',
    '',
    isHead ? '' : body,
  ].join('\r\n');
}
