// Asking several replicas at once and going on as soon as enough is known.

export interface Gathered<T> {
  /** By index of the question; undefined while unanswered or failed. */
  readonly answers: (T | undefined)[];
  readonly answered: number;
  readonly failed: number;
  readonly errors: readonly unknown[];
}

/**
 * Resolves at the first moment at which enough(gathered) holds, or when every question has been answered or has failed.
 * Never rejects: what failed is in the result. Late answers are dropped.
 */
export function gather<T>(
  questions: readonly Promise<T>[],
  enough: (gathered: Gathered<T>) => boolean,
): Promise<Gathered<T>> {
  const answers: (T | undefined)[] = new Array(questions.length).fill(undefined);
  const errors: unknown[] = [];
  let answered = 0;
  const view = (): Gathered<T> => ({ answers, answered, failed: errors.length, errors });
  return new Promise((resolve) => {
    const check = () => {
      const gathered = view();
      if (answered + errors.length === questions.length || enough(gathered)) resolve(gathered);
    };
    if (questions.length === 0) check();
    questions.forEach((question, index) => {
      question.then(
        (answer) => {
          answers[index] = answer;
          answered++;
          check();
        },
        (error) => {
          errors.push(error);
          check();
        },
      );
    });
  });
}
