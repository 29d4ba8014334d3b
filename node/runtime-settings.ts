// How the Node that runs a storage node is started, whoever starts it: the local target takes it from here, and the image
// (node/image/Dockerfile) says the same, which a test holds it to.

/** V8 would let the young generation grow to 128 MiB for a heap that holds 40 MiB. */
export const RUNTIME_FLAGS: readonly string[] = ['--max-semi-space-size=8'];

/**
 * For glibc: buffers of 128 KiB and more are given back to the system when they are freed. Left to itself it raises that
 * threshold and keeps freed memory in as many arenas as there are threads (mallopt(3)): 60 MiB more for each node.
 */
export const RUNTIME_ENVIRONMENT: Readonly<Record<string, string>> = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '131072',
};
