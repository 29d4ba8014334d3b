import { describe, expect, it } from 'vitest';
import { type ClusterSpec, parseClusterSpec } from '../../spec/cluster-spec.ts';

function parse(text: string): ClusterSpec {
  const result = parseClusterSpec(text, 'cluster.yaml');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

describe('the short form', () => {
  it('names nodes by zone and number, and drives by number', () => {
    const spec = parse('erasure: 4+2\nzones: {a: 2, west: 1}\ndrives: 2\n');
    expect(spec.nodes.map(({ name, zone, drives }) => [name, zone, drives.map((drive) => drive.name)])).toEqual([
      ['a1', 'a', ['d1', 'd2']],
      ['a2', 'a', ['d1', 'd2']],
      ['west1', 'west', ['d1', 'd2']],
    ]);
    expect(spec.zones).toEqual(['a', 'west']);
    expect(spec.form).toBe('short');
  });

  it('fills in what is left out', () => {
    expect(parse('erasure: 2+1\nzones: {a: 1}\ndrives: 3\n')).toMatchObject({
      name: 'ashlar',
      engine: 'ashlar',
      erasure: { k: 2, m: 1 },
      survive: 'drive',
      endpoint: { host: null, port: null },
      region: 'us-east-1',
      domains: [],
      root: { accessKey: null, secretKeyFile: null },
      volumes: null,
      nodes: [{ host: null, port: null, wal: null }],
    });
  });

  it('gives every node the listed directories, named by their last component', () => {
    const spec = parse(
      'erasure: 2+1\nzones: {a: 3}\ndrives: [/mnt/x1, {path: /srv/y, capacity: 2TB}]\ncapacity: 1.5TiB\n',
    );
    expect(spec.nodes[2]!.drives).toEqual([
      { name: 'x1', path: '/mnt/x1', capacityBytes: 1.5 * 2 ** 40 },
      { name: 'y', path: '/srv/y', capacityBytes: 2e12 },
    ]);
  });
});

describe('what must survive by default', () => {
  it.each([
    ['{a: 1, b: 1}', 'zone'],
    ['{a: 2}', 'node'],
    ['{a: 1}', 'drive'],
  ])('with zones %s: any one %s', (zones, survive) => {
    expect(parse(`erasure: 2+2\nzones: ${zones}\ndrives: 4\n`).survive).toBe(survive);
  });
});

describe('the long form', () => {
  const spec = parse(`
erasure: 4+2
drives: 4
nodes:
  big: {zone: a, address: "10.0.0.1:9100", drives: [/mnt/d1, /mnt/d2], wal: /nvme/wal}
  small: {zone: b, address: node-b.example}
endpoint: s3.example.com:443
root: {accessKey: admin, secretKeyFile: /run/secret}
domains: [s3.example.com]
`);

  it('takes addresses apart, and leaves a missing port to the target', () => {
    expect(spec.nodes.map(({ host, port }) => ({ host, port }))).toEqual([
      { host: '10.0.0.1', port: 9100 },
      { host: 'node-b.example', port: null },
    ]);
    expect(spec.endpoint).toEqual({ host: 's3.example.com', port: 443 });
  });

  it('prefers what a node says to what is said for all', () => {
    expect(spec.nodes.map((node) => node.drives.map((drive) => drive.path))).toEqual([
      ['/mnt/d1', '/mnt/d2'],
      [null, null, null, null],
    ]);
    expect(spec.nodes.map((node) => node.wal)).toEqual(['/nvme/wal', null]);
  });

  it('has its zones in the order in which nodes name them', () => {
    expect(spec.zones).toEqual(['a', 'b']);
    expect(spec.form).toBe('long');
  });

  it('keeps the root user and the domains', () => {
    expect(spec.root).toEqual({ accessKey: 'admin', secretKeyFile: '/run/secret' });
    expect(spec.domains).toEqual(['s3.example.com']);
  });
});

it('reads JSON, which is YAML', () => {
  const text = '{"erasure": "2+2", "zones": {"a": 1, "b": 1, "c": 1, "d": 1}, "drives": 1, "endpoint": 8000}';
  expect(parse(text).endpoint).toEqual({ host: null, port: 8000 });
});
