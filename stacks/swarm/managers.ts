// Which manager of a Swarm to talk to. A dead one would fail the whole deploy, so where several are named the first that takes a
// connection is chosen.
import { connect } from 'node:net';

const TIMEOUT_MS = 2_000;
const DOCKER_PORT = 2375;

/** The first when none answers: the error is then the client's own. A single one is not asked at all. null: none is named. */
export async function chooseManager(managers: readonly string[], answers = takesConnections): Promise<string | null> {
  if (managers.length > 1) {
    for (const manager of managers) if (await answers(manager)) return manager;
  }
  return managers[0] ?? null;
}

/** Of ssh:// nothing can be said without logging in, so it is taken to answer. */
function takesConnections(manager: string): Promise<boolean> {
  const url = new URL(manager);
  if (url.protocol === 'ssh:') return Promise.resolve(true);
  const target =
    url.protocol === 'unix:' ? { path: url.pathname } : { host: url.hostname, port: Number(url.port || DOCKER_PORT) };
  return new Promise((resolve) => {
    const socket = connect(target);
    const end = (result: boolean) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(TIMEOUT_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}
