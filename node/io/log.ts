// The log as a port: what the node tells its operator, one event at a time, as a sentence with fields. The real adapter is
// admin/log.ts; nothing else knows how lines are written.

/** Plain values; an Error under `error` is written with its cause and stack. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * error: something that should work does not, and an operator must act. warn: it works with less than it should. info: what
 * changed. debug: for the developer. Secrets do not belong into fields.
 */
export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** The same log with fields that every line carries. */
  with(fields: LogFields): Log;
}
