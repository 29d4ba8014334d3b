// An HTTP request as authentication sees it: exactly what was on the wire, nothing decoded, nothing merged, independent of
// the HTTP server in use, so that it can be checked against published examples.

export interface PlainRequest {
  /** Upper case, for instance "PUT". */
  readonly method: string;
  /** The request target before the '?', still percent-encoded, for instance "/bucket/a%20b". */
  readonly rawPath: string;
  /** The request target after the '?', still percent-encoded; '' when there is none. */
  readonly rawQuery: string;
  readonly headers: HeaderList;
}

/** Splits a request target ("/bucket/key?versioning") at its first '?'. */
export function plainRequest(method: string, target: string, rawHeaders: readonly string[]): PlainRequest {
  const mark = target.indexOf('?');
  return {
    method,
    rawPath: mark < 0 ? target : target.slice(0, mark),
    rawQuery: mark < 0 ? '' : target.slice(mark + 1),
    headers: new HeaderList(rawHeaders),
  };
}

/** The headers in the order they came, repeated ones kept apart: what Node calls rawHeaders (name, value, name, value …). */
export class HeaderList {
  readonly #values = new Map<string, string[]>();

  constructor(rawHeaders: readonly string[]) {
    for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!.toLowerCase();
      const values = this.#values.get(name);
      if (values === undefined) this.#values.set(name, [rawHeaders[i + 1]!]);
      else values.push(rawHeaders[i + 1]!);
    }
  }

  /** Lower-case names, each once, in the order they first came. */
  names(): IterableIterator<string> {
    return this.#values.keys();
  }

  has(lowerCaseName: string): boolean {
    return this.#values.has(lowerCaseName);
  }

  /** The value, repeated ones joined by a comma as RFC 9110 section 5.3 has it; null when absent. */
  get(lowerCaseName: string): string | null {
    const values = this.#values.get(lowerCaseName);
    if (values === undefined) return null;
    return values.length === 1 ? values[0]! : values.join(',');
  }

  /** Every value that was sent under the name. */
  all(lowerCaseName: string): readonly string[] {
    return this.#values.get(lowerCaseName) ?? [];
  }
}
