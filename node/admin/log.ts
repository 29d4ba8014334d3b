// The real log: JSON lines on standard error, one event each, through pino. Known secrets are blotted out of every line,
// whatever field or message they got into.
import { type DestinationStream, destination, type Logger, pino, stdSerializers, stdTimeFunctions } from 'pino';
import type { Log, LogFields } from '../io/log.ts';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  /** Never written: each is replaced by "[secret]" wherever it appears. */
  readonly secrets: readonly string[];
  /** On every line. */
  readonly fields?: LogFields;
  /** Standard error unless a test says otherwise. */
  readonly stream?: DestinationStream;
}

/** A pino logger, for Fastify and for asLog. Lines are written at once: what led to a crash is there to be read. */
export function createLogger({ level, secrets, fields = {}, stream }: LoggerOptions): Logger {
  // A secret with a quote or a backslash looks different inside JSON.
  const written = secrets.filter((secret) => secret !== '').map((secret) => JSON.stringify(secret).slice(1, -1));
  return pino(
    {
      level,
      base: fields,
      messageKey: 'message',
      errorKey: 'error',
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: stdSerializers.errWithCause },
      hooks: { streamWrite: (line) => written.reduce((text, secret) => text.replaceAll(secret, '[secret]'), line) },
    },
    stream ?? destination({ fd: 2, sync: true }),
  );
}

/** The logger behind the port that the rest of the node knows. */
export function asLog(logger: Logger): Log {
  return {
    debug: (message, fields = {}) => logger.debug(fields, message),
    info: (message, fields = {}) => logger.info(fields, message),
    warn: (message, fields = {}) => logger.warn(fields, message),
    error: (message, fields = {}) => logger.error(fields, message),
    with: (fields) => asLog(logger.child(fields)),
  };
}
