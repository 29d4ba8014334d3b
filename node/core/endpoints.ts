// The list of drives that a cluster is started with, as text: "http://n{1...4}:9000/data/d{1...2}" and the like become one
// endpoint per drive. Pure; the plan and every node read the list through this. Names every problem of a list at once.

/** One drive of one node. */
export interface Endpoint {
  /** In one spelling, so that equal endpoints have equal texts: "http://n1:9000/data/d1". */
  readonly url: string;
  readonly protocol: 'http' | 'https';
  /** Lower case; an IPv6 address with its brackets. */
  readonly host: string;
  readonly port: number;
  /** Absolute directory on the node, without a slash at its end. */
  readonly path: string;
  /** Last component of the path: the drive's name on its node. */
  readonly driveName: string;
}

/** The drives behind one host and port: one node. */
export interface EndpointGroup {
  readonly host: string;
  readonly port: number;
  readonly endpoints: readonly Endpoint[];
}

export interface EndpointProblem {
  /** The argument or the expanded endpoint that is wrong. */
  readonly endpoint: string;
  readonly message: string;
  /** What would be right. */
  readonly remedy: string;
}

export type EndpointList =
  | { readonly ok: true; readonly endpoints: readonly Endpoint[]; readonly groups: readonly EndpointGroup[] }
  | { readonly ok: false; readonly problems: readonly EndpointProblem[] };

/** Far more drives than a cluster may have; keeps a mistyped range from filling the memory. */
export const ENDPOINTS_MAX = 16_384;

/** In the order of the arguments, each expanded; groups in the order in which their nodes first appear. */
export function parseEndpoints(args: readonly string[], defaultPort = 9000): EndpointList {
  const problems: EndpointProblem[] = [];
  const endpoints: Endpoint[] = [];
  for (const arg of args) {
    const texts = expandEllipses(arg);
    if (typeof texts === 'string') {
      problems.push({ endpoint: arg, message: texts, remedy: RANGE_REMEDY });
      continue;
    }
    if (endpoints.length + texts.length > ENDPOINTS_MAX) {
      problems.push({
        endpoint: arg,
        message: `expands to ${texts.length} endpoints, and at most ${ENDPOINTS_MAX} are allowed in all`,
        remedy: 'check the ends of its ranges',
      });
      continue;
    }
    for (const text of texts) {
      const endpoint = parseEndpoint(text, defaultPort);
      if ('message' in endpoint) problems.push(endpoint);
      else endpoints.push(endpoint);
    }
  }
  const groups = groupByNode(endpoints);
  problems.push(...protocolProblems(endpoints), ...portProblems(groups), ...groups.flatMap(driveProblems));
  return problems.length === 0 ? { ok: true, endpoints, groups } : { ok: false, problems };
}

/**
 * "d{1...3}" → d1, d2, d3; the first of several ranges varies fastest, as MinIO and RustFS have it. Numbers are padded as they
 * are written ({01...10}). A text without ranges is itself. Gives a sentence about what is wrong when there is one.
 */
export function expandEllipses(pattern: string): string[] | string {
  const literals: string[] = [];
  const ranges: { readonly first: number; readonly count: number; readonly width: number }[] = [];
  let count = 1;
  let rest = 0;
  for (const match of pattern.matchAll(/\{([^{}]*)\}/g)) {
    const ends = /^(\d{1,9})\.\.\.(\d{1,9})$/.exec(match[1]!);
    if (ends === null) return `${match[0]} is not a range`;
    const [first, last] = [Number(ends[1]), Number(ends[2])];
    if (first > last) return `${match[0]} counts downwards`;
    const padded = [ends[1]!, ends[2]!].some((end) => end.length > 1 && end.startsWith('0'));
    if (padded && ends[1]!.length !== ends[2]!.length) return `${match[0]} has ends of different lengths`;
    literals.push(pattern.slice(rest, match.index));
    ranges.push({ first, count: last - first + 1, width: padded ? ends[1]!.length : 0 });
    count *= last - first + 1;
    rest = match.index + match[0].length;
  }
  literals.push(pattern.slice(rest));
  if (literals.some((literal) => /[{}]/.test(literal))) return 'has a brace without its partner';
  if (count > ENDPOINTS_MAX) return `expands to ${count} endpoints, and at most ${ENDPOINTS_MAX} are allowed in all`;
  return Array.from({ length: count }, (_, index) => {
    let text = literals[0]!;
    let remainder = index;
    for (const [i, range] of ranges.entries()) {
      const value = range.first + (remainder % range.count);
      remainder = Math.floor(remainder / range.count);
      text += String(value).padStart(range.width, '0') + literals[i + 1]!;
    }
    return text;
  });
}

const RANGE_REMEDY = 'write ranges as {1...4}, from low to high, or padded as {01...16}';
const EXAMPLE = 'for instance http://n1:9000/data/d1';
const HOST = /^(?:\[[0-9a-f:.]+\]|[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)$/;
const DRIVE_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

function parseEndpoint(text: string, defaultPort: number): Endpoint | EndpointProblem {
  const refuse = (message: string, remedy: string): EndpointProblem => ({ endpoint: text, message, remedy });
  const parts = /^([a-z][a-z0-9+.-]*):\/\/([^/?#]*)(.*)$/is.exec(text);
  if (parts === null) return refuse('has no scheme', `write http:// and the node's host before the path, ${EXAMPLE}`);
  const [protocol, authority, rawPath] = [parts[1]!.toLowerCase(), parts[2]!, parts[3]!];
  if (protocol !== 'http' && protocol !== 'https') return refuse(`has the scheme ${protocol}`, 'use http or https');
  if (authority.includes('@')) {
    return refuse('names a user', 'leave everything up to the @ out; nodes know each other by the cluster secret');
  }
  if (/[?#]/.test(rawPath)) return refuse('has a query or a fragment', 'end it with the path of the drive');
  const place = /^(.*?)(?::(\d*))?$/.exec(authority)!;
  const host = place[1]!.toLowerCase();
  if (!HOST.test(host)) return refuse(`has the host "${place[1]}"`, 'use a host name or an address');
  const port = place[2] === undefined ? defaultPort : Number(place[2]);
  if (place[2] === '' || port < 1 || port > 65_535) return refuse(`has the port "${place[2]}"`, 'use 1 to 65535');
  const path = rawPath.replace(/\/+/g, '/').replace(/\/$/, '');
  if (path === '') {
    const what = rawPath === '' ? 'has no path' : 'has the root directory as its path';
    return refuse(what, `name the directory of the drive, ${EXAMPLE}`);
  }
  const problem = pathProblem(path);
  if (problem !== null) return refuse(...problem);
  const driveName = path.slice(path.lastIndexOf('/') + 1);
  return { url: `${protocol}://${host}:${port}${path}`, protocol, host, port, path, driveName };
}

function pathProblem(path: string): [message: string, remedy: string] | null {
  const components = path.slice(1).split('/');
  if (components.some((component) => component === '.' || component === '..')) {
    return ['has "." or ".." in its path', 'write the path out'];
  }
  const odd = [...path].find((char) => char === '%' || char < ' ' || char === '\x7f');
  if (odd !== undefined) return [`has ${JSON.stringify(odd)} in its path`, 'write the path as it is, unescaped'];
  if (DRIVE_NAME.test(components.at(-1)!)) return null;
  return [
    `would name its drive "${components.at(-1)}"`,
    'end the path with at most 64 letters, digits, dots, dashes and underscores, beginning with a letter or digit',
  ];
}

function groupByNode(endpoints: readonly Endpoint[]): EndpointGroup[] {
  const groups = Map.groupBy(endpoints, ({ host, port }) => `${host}:${port}`);
  return [...groups.values()].map((members) => ({
    host: members[0]!.host,
    port: members[0]!.port,
    endpoints: members,
  }));
}

/** Nodes of one cluster either all speak TLS or none does. */
function protocolProblems(endpoints: readonly Endpoint[]): EndpointProblem[] {
  const first = endpoints[0];
  const other = endpoints.find(({ protocol }) => protocol !== first!.protocol);
  if (other === undefined) return [];
  return [
    {
      endpoint: other.url,
      message: `is ${other.protocol} where ${first!.url} is ${first!.protocol}`,
      remedy: 'use http for all or https for all',
    },
  ];
}

/** Different ports are needed where several nodes share a host; anywhere else they are a slip. */
function portProblems(groups: readonly EndpointGroup[]): EndpointProblem[] {
  if (new Set(groups.map(({ host }) => host)).size < groups.length) return [];
  const first = groups[0];
  const other = groups.find(({ port }) => port !== first!.port);
  if (other === undefined) return [];
  return [
    {
      endpoint: other.endpoints[0]!.url,
      message: `has port ${other.port} where ${first!.endpoints[0]!.url} has port ${first!.port}`,
      remedy: 'use one port for all nodes, as each has a host of its own',
    },
  ];
}

/** Drives of one node need names and directories of their own. */
function driveProblems({ endpoints }: EndpointGroup): EndpointProblem[] {
  const problems: EndpointProblem[] = [];
  const byName = new Map<string, Endpoint>();
  for (const endpoint of endpoints) {
    const { url, path, driveName } = endpoint;
    const same = byName.get(driveName);
    const around = endpoints.find((other) => path.startsWith(`${other.path}/`));
    if (same?.path === path) {
      problems.push({ endpoint: url, message: 'is listed twice', remedy: 'list every drive once' });
    } else if (same !== undefined) {
      problems.push({
        endpoint: url,
        message: `has the same last component as ${same.url}, and that names the drive`,
        remedy: `give the directories different names, for instance ${driveName}-1 and ${driveName}-2`,
      });
    } else if (around !== undefined) {
      problems.push({ endpoint: url, message: `lies within ${around.url}`, remedy: 'give every drive its own place' });
    }
    if (same === undefined) byName.set(driveName, endpoint);
  }
  return problems;
}
