// The storage node as a program: `server [FLAGS] ENDPOINT…`. The one place where the process's arguments, environment, signals
// and exit code are touched.
import { readFileSync } from 'node:fs';
import { asLog, createLogger } from './admin/log.ts';
import { parseServerConfig, problemText, serverHelp } from './config.ts';
import { startServer } from './server.ts';

const EXIT_FAILED = 1;
const EXIT_BAD_INPUT = 2;

const [command, ...argv] = process.argv.slice(2);
if (argv.includes('--help') || command === '--help') {
  console.log(serverHelp());
} else if (command !== 'server') {
  console.error(`ashlar node: there is no command ${command ?? '(none)'}; use "server", or "server --help"`);
  process.exitCode = EXIT_BAD_INPUT;
} else {
  await serve();
}

async function serve(): Promise<void> {
  const parsed = parseServerConfig(argv, process.env, (path) => readFileSync(path, 'utf8'));
  if (!parsed.ok) {
    for (const problem of parsed.problems) console.error(`ashlar node: ${problemText(problem)}`);
    process.exitCode = EXIT_BAD_INPUT;
    return;
  }
  const logger = createLogger({
    level: parsed.config.logLevel,
    secrets: [parsed.config.clusterSecret, parsed.config.rootPassword],
  });
  const log = asLog(logger);
  // What nobody foresaw may have left the node in a state that nobody has thought through: stop, loudly.
  const die = (error: unknown) => {
    log.error('the node stops because of an error that nobody handled', { error });
    process.exit(EXIT_FAILED);
  };
  process.on('uncaughtException', die);
  process.on('unhandledRejection', die);
  try {
    const starting = startServer(parsed.config, logger);
    const stop = (signal: string) => {
      log.info('stopping', { signal });
      starting.then((server) => server.stop()).then(() => process.exit(0), die);
    };
    // From the very start: what runs as process 1 of a container does not even notice a signal that it does not listen for.
    process.once('SIGTERM', stop);
    process.once('SIGINT', stop);
    await (await starting).joined;
  } catch (error) {
    log.error(error instanceof Error ? error.message : String(error), { error });
    process.exit(EXIT_FAILED);
  }
}
