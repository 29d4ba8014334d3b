// Copies for what is kept: a view into a received chunk, or into a pool that many share, keeps all of that in memory.

/** The same bytes in memory of their own, and no more of it than they need. */
export function ownBytes(bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length);
  own.set(bytes);
  return own;
}
