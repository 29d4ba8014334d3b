// The health check of a container as a program: exit 0 when the node in it is alive, 1 when it is not. Asks for *live*, never for
// *ready*: an orchestrator kills what is unhealthy, and a node that is starting or healing must be left alone.
import { checkHealth, healthAddress } from './health-check.ts';

/** Less than the image gives the whole check, of which some goes into starting this program. */
const TIMEOUT_MS = 20_000;

const [flag, value] = process.argv.slice(2);
const listen = flag === '--listen' ? value : process.env.ASHLAR_LISTEN;
const address = flag === undefined || flag === '--listen' ? healthAddress(listen) : null;
const problem =
  address === null
    ? 'usage: health-main [--listen HOST:PORT], as the node was told; without it ASHLAR_LISTEN counts, and then port 9000'
    : await checkHealth(address, TIMEOUT_MS);
if (problem !== null) {
  console.error(`ashlar health: ${problem}`);
  process.exitCode = 1;
}
