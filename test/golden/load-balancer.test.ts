// The rendered load balancers, word by word, and what is refused. When one changes on purpose:
// node scripts/run.mjs vitest run test/golden/load-balancer.test.ts -u, and read the difference as an operator would.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { makePlan } from '../../plan/make-plan.ts';
import { parseClusterSpec } from '../../spec/cluster-spec.ts';
import type { LoadBalancerProps } from '../../stacks/load-balancer/load-balancer.ts';
import { renderLoadBalancer } from '../../stacks/load-balancer/render.ts';

const PLAIN: LoadBalancerProps = {
  listen: null,
  tls: { kind: 'none' },
  zone: null,
  stats: { host: '127.0.0.1', port: 8404 },
  nodeAddress: null,
  nameServers: [],
};
const BY_NAME = { nodeAddress: '{node}' };
const CERTIFICATE = { kind: 'terminate', certificatePath: '/etc/ssl/s3.pem' } as const;

function render(specFile: string, props: Partial<LoadBalancerProps>): ReadonlyMap<string, string> {
  const result = parseClusterSpec(readFileSync(specFile, 'utf8'), specFile);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return renderLoadBalancer(makePlan(result.spec), 'both', { ...PLAIN, ...props });
}

const DEFAULT = 'cluster.yaml';
const SIX_NODES = 'examples/three-zones.yaml';
const ADDRESSES = 'examples/bare-metal.yaml';

const RENDERED: readonly [string, string, Partial<LoadBalancerProps>][] = [
  ['default', DEFAULT, BY_NAME],
  ['six-nodes', SIX_NODES, { nodeAddress: 'tasks.{node}:9000', nameServers: [{ host: '127.0.0.11', port: 53 }] }],
  ['addresses-tls', ADDRESSES, { tls: CERTIFICATE, listen: { host: '[::]', port: 443 } }],
  ['passthrough', ADDRESSES, { tls: { kind: 'passthrough' } }],
  ['zone', ADDRESSES, { zone: 'b' }],
  ['minio', 'examples/minio.yaml', BY_NAME],
];

describe('the rendered load balancer', () => {
  it.each(RENDERED)('of %s', async (name, specFile, props) => {
    const files = render(specFile, props);
    expect([...files.keys()]).toEqual(['haproxy.cfg', 'nginx.conf']);
    for (const [file, text] of files) await expect(text).toMatchFileSnapshot(`load-balancers/${name}.${file}`);
  });

  it('is only what was asked for', () => {
    const result = parseClusterSpec(readFileSync(ADDRESSES, 'utf8'), ADDRESSES);
    if (!result.ok) throw new Error('the example is wrong');
    expect([...renderLoadBalancer(makePlan(result.spec), 'haproxy', PLAIN).keys()]).toEqual(['haproxy.cfg']);
    expect([...renderLoadBalancer(makePlan(result.spec), 'nginx', PLAIN).keys()]).toEqual(['nginx.conf']);
  });

  it('listens where clients reach the cluster, for TLS on 443 when the spec says nothing', () => {
    expect(render(ADDRESSES, {}).get('haproxy.cfg')).toContain('    bind :9000\n');
    expect(render(DEFAULT, BY_NAME).get('nginx.conf')).toContain('listen 9000 default_server;');
    expect(render(DEFAULT, { ...BY_NAME, tls: CERTIFICATE }).get('nginx.conf')).toContain(
      'listen 443 ssl default_server;',
    );
  });

  it('prefers nobody when there is only one zone', () => {
    const oneZone = 'examples/one-server.yaml';
    expect(render(oneZone, { ...BY_NAME, zone: 'rack' })).toEqual(render(oneZone, BY_NAME));
  });
});

const REFUSED: readonly [string, string, Partial<LoadBalancerProps>, string][] = [
  ['nodes without addresses', DEFAULT, {}, 'the spec gives the nodes no addresses'],
  ['a zone that does not exist', ADDRESSES, { zone: 'q' }, 'there is no zone q; the zones are a, b, c'],
  ['a pattern with a word it does not know', DEFAULT, { nodeAddress: '{name}' }, '{name} means nothing'],
  ['a pattern that is the same for all', DEFAULT, { nodeAddress: 'x' }, 'nodes a1 and b1 would both be at x:9000'],
  ['a pattern that gives no address', DEFAULT, { nodeAddress: '{node} x' }, 'gives "a1 x", which is not HOST'],
  ['a pattern with a port that is none', DEFAULT, { nodeAddress: '{node}:70000' }, '70000 is not a port'],
  ['a pattern of hosts without hosts', DEFAULT, { nodeAddress: '{host}:1' }, 'the spec gives the nodes no addresses'],
  ['one port for two things', ADDRESSES, { listen: { host: null, port: 8404 } }, 'cannot both have port 8404'],
  ['name servers for numbers', ADDRESSES, { nameServers: [{ host: '10.0.0.2', port: 53 }] }, 'nothing to ask'],
  [
    'a certificate that would break out of its line',
    ADDRESSES,
    { tls: { kind: 'terminate', certificatePath: '/etc/s3.pem\n    stats admin if TRUE' } },
    'is not an absolute path',
  ],
];

describe('no load balancer is rendered for', () => {
  it.each(REFUSED)('%s', (_, specFile, props, reason) => {
    expect(() => render(specFile, props)).toThrow(reason);
  });

  it('a plan that breaks its promise', () => {
    const result = parseClusterSpec('erasure: 4+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 1\n', 'thin.yaml');
    if (!result.ok) throw new Error('the spec is wrong');
    const plan = makePlan(result.spec);
    expect(() => renderLoadBalancer(plan, 'both', { ...PLAIN, ...BY_NAME })).toThrow(/the plan is not safe: .*4\+2/);
  });

  it('several reasons, of which every one is named', () => {
    const several = { zone: 'q', listen: { host: '127.0.0.1', port: 8404 } };
    expect(() => render(ADDRESSES, several)).toThrow(/cannot both have port 8404.*there is no zone q/s);
  });
});
