// What an end-to-end suite is, and what it may use: programs that we did not write, against clusters that a user would make.

export interface SuiteContext {
  /** One small scenario instead of the whole, for continuous integration. */
  readonly ci: boolean;
  /** How many objects the suite `million` makes, when somebody said so. */
  readonly objectCount: number | null;
  /** A fresh directory of this suite's own; removed when it passes. */
  readonly directory: string;
  /** Prints a line of the report. */
  say(line: string): void;
}

export interface Suite {
  readonly name: string;
  /** One line: what it shows. */
  readonly summary: string;
  /** Debian packages whose programs it runs. */
  readonly packages: readonly { readonly name: string; readonly program: string }[];
  /** What else this machine lacks for it, when the packages are there; null when nothing. */
  readonly obstacle?: () => Promise<string | null>;
  /** What takes minutes and can be done while other suites run, once. What goes wrong is told by run(). */
  readonly prepare?: () => Promise<void>;
  /** Why --ci leaves it out unless it is named; left out: it does not. */
  readonly notInCi?: string;
  /** Rejects with what went wrong. */
  run(context: SuiteContext): Promise<void>;
}
