// The log: lines that programs can read, and in which no secret appears.
import { describe, expect, it } from 'vitest';
import { asLog, createLogger, type LoggerOptions } from '../../node/admin/log.ts';

function memory(options: Partial<LoggerOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger({
    level: 'info',
    secrets: [],
    ...options,
    stream: { write: (line) => void lines.push(line) },
  });
  return { log: asLog(logger), logger, lines, parsed: () => lines.map((line) => JSON.parse(line)) };
}

describe('the log', () => {
  it('writes one JSON line for an event, with time, level, message and fields', () => {
    const { log, lines, parsed } = memory({ fields: { node: 'a1' } });
    log.warn('lost the peer', { peer: 'b1', queuedBytes: 7 });
    expect(lines[0]).toMatch(/^\{.*\}\n$/);
    expect(parsed()).toEqual([
      { level: 'warn', time: expect.any(String), node: 'a1', message: 'lost the peer', peer: 'b1', queuedBytes: 7 },
    ]);
    expect(new Date(parsed()[0].time).toISOString()).toBe(parsed()[0].time);
  });

  it('writes what is at least as important as the level', () => {
    const { log, parsed } = memory({ level: 'warn' });
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect(parsed().map(({ level, message }) => [level, message])).toEqual([
      ['warn', 'c'],
      ['error', 'd'],
    ]);
  });

  it('carries the fields of with on every line', () => {
    const { log, parsed } = memory();
    log.with({ drive: 'a1/d1' }).with({ attempt: 2 }).info('opened');
    log.info('plain');
    expect(parsed()[0]).toMatchObject({ drive: 'a1/d1', attempt: 2 });
    expect(parsed()[1]).not.toHaveProperty('drive');
  });

  it('writes an error with its kind, its stack and its cause', () => {
    const { log, parsed } = memory();
    log.error('it failed', { error: new RangeError('outer', { cause: new Error('inner') }) });
    expect(parsed()[0].error).toMatchObject({
      type: 'RangeError',
      message: 'outer',
      stack: expect.stringContaining('admin-log.test.ts'),
      cause: { message: 'inner' },
    });
  });
});

describe('a secret', () => {
  const secrets = ['correct horse', 'with "quotes" and \\'];

  it('is blotted out in messages, fields, nested fields, errors and names', () => {
    const { log, logger, lines } = memory({ secrets });
    for (const secret of secrets) {
      log.info(`the secret is ${secret}`, { value: secret, deep: { list: [`x${secret}y`] }, [secret]: 1 });
      log.error('it failed', { error: new Error(`bad ${secret}`, { cause: new Error(secret) }) });
      log.with({ secret }).info('child');
      logger.info({ req: { headers: { authorization: `Bearer ${secret}` } } }, 'request');
    }
    expect(lines.length).toBe(8);
    for (const line of lines) {
      expect(line).not.toMatch(/correct horse|quotes/);
      expect(line).toContain('[secret]');
      expect(() => JSON.parse(line)).not.toThrow();
    }
  });

  it('that is empty blots out nothing', () => {
    const { log, parsed } = memory({ secrets: [''] });
    log.info('message');
    expect(parsed()[0].message).toBe('message');
  });
});
