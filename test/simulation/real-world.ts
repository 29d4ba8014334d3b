// Keeps the real world out of a simulated run: while it is closed off, whoever reaches for the real clock, a real timer or
// real randomness gets an error, and the run is told. (Files and sockets need no guard: they cannot complete in a run.)

const FORBIDDEN: readonly (readonly [object: object, what: string, names: readonly string[]])[] = [
  [globalThis, '', ['setTimeout', 'setInterval', 'setImmediate', 'fetch']],
  [Date, 'Date.', ['now']],
  [Math, 'Math.', ['random']],
  [performance, 'performance.', ['now']],
];

/** Until the returned function is called. onTouch hears of every attempt, also of one whose error was swallowed. */
export function closeOffRealWorld(onTouch: (error: Error) => void): () => void {
  const restore: (() => void)[] = [];
  for (const [object, what, names] of FORBIDDEN) {
    for (const name of names) {
      const own = Object.getOwnPropertyDescriptor(object, name);
      Object.defineProperty(object, name, {
        configurable: true,
        writable: true,
        value: () => {
          const error = new Error(
            `${what}${name} was called in a simulated world, where everything comes from the ports`,
          );
          onTouch(error);
          throw error;
        },
      });
      restore.push(() => {
        // An own property hides an inherited one, as with performance.now.
        if (own === undefined) Reflect.deleteProperty(object, name);
        else Object.defineProperty(object, name, own);
      });
    }
  }
  return () => {
    for (const put of restore) put();
  };
}
