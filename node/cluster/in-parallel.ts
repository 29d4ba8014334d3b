// Runs the same work on many things, a few at a time.

/** Results in the order of the items. After a failure no further item is begun; rejects with it when all that began have ended. */
export async function inParallel<T, R>(
  items: readonly T[],
  concurrency: number,
  run: (item: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  let failure: { error: unknown } | null = null;
  const work = async () => {
    while (next < items.length && failure === null) {
      const at = next++;
      try {
        results[at] = await run(items[at]!);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, items.length) }, work));
  if (failure !== null) throw (failure as { error: unknown }).error;
  return results;
}
