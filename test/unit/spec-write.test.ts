import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ClusterSpec, parseClusterSpec } from '../../spec/cluster-spec.ts';
import { capacityBytes, capacityText } from '../../spec/quantities.ts';
import { specText } from '../../spec/write.ts';

function parse(text: string): ClusterSpec {
  const result = parseClusterSpec(text, 'test');
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  return result.spec;
}

const FILES = [
  'cluster.yaml',
  ...readdirSync('examples')
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => `examples/${name}`),
];

describe('a spec that was written reads back as the same spec', () => {
  it.each(FILES)('%s', (file) => {
    const spec = parse(readFileSync(file, 'utf8'));
    expect(parse(specText(spec))).toEqual(spec);
  });

  it('short, with everything that is optional', () => {
    const spec = parse(`
name: all
engine: rustfs
erasure: 3+2
survive: node
zones: {a: 2, b: 3}
drives: [/mnt/d1, {path: /mnt/d2, capacity: 1.25TiB}]
capacity: 4TB
endpoint: "[fe80::1]:9000"
region: eu-central-1
domains: [a.example, b.example]
root: {accessKey: root, secretKeyFile: /run/s}
volumes: ["http://a{1...2}:9000/mnt/d{1...2}"]
`);
    expect(parse(specText(spec))).toEqual(spec);
  });
});

it('is short where the file was short', () => {
  expect(specText(parse('erasure: 4+2\nzones: {a: 1, b: 2}\ndrives: 2\ncapacity: 4TB\n'))).toBe(
    'name: ashlar\nerasure: 4+2\nsurvive: zone\nzones: {a: 1, b: 2}\ndrives: 2\ncapacity: 4TB\nregion: us-east-1\n',
  );
});

describe('capacities', () => {
  it.each([
    ['4TB', 4e12],
    ['3.6TiB', Math.floor(3.6 * 2 ** 40)],
    ['960 GB', 960e9],
    ['1.92TB', 1.92e12],
  ])('%s is %d bytes, and the text for it is exact', (text, bytes) => {
    expect(capacityBytes(text)).toBe(bytes);
    expect(capacityBytes(capacityText(bytes))).toBe(bytes);
  });

  it('of no round number are written in bytes', () => {
    expect(capacityText(4_000_787_030_016)).toBe('4000787030016B');
  });
});
