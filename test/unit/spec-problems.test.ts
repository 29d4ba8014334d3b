import { describe, expect, it } from 'vitest';
import { parseClusterSpec } from '../../spec/cluster-spec.ts';

/** "line:column path: message" of every problem. */
function problems(text: string): string[] {
  const result = parseClusterSpec(text, 'cluster.yaml');
  if (result.ok) return [];
  return result.problems.map(
    ({ where, path, message }) => `${where.replace('cluster.yaml:', '')} ${path === '' ? '' : `${path}: `}${message}`,
  );
}

function remedies(text: string): string[] {
  const result = parseClusterSpec(text, 'cluster.yaml');
  return result.ok ? [] : result.problems.map(({ remedy }) => remedy);
}

const GOOD = 'erasure: 4+2\nzones: {a: 1, b: 1, c: 1, d: 1}\ndrives: 2\n';

it('names all problems at once, each with its place, in the order of the file', () => {
  expect(
    problems(
      'erasure: 4-2\nzones: {a: 0, b: x, C: 1}\ndrives: [d1]\nsurvive: rack\nregion: US East\nroot: {accessKey: a}\n',
    ),
  ).toEqual([
    '1:10 erasure: "4-2" is not an erasure scheme',
    '2:12 zones.a: 0 is not a number of nodes',
    '2:18 zones.b: "x" is not a number of nodes',
    '2:21 zones.C: "C" is not a zone\'s name',
    '3:10 drives[0]: "d1" is not a drive',
    '4:10 survive: "rack" is not a failure domain',
    '5:9 region: "US East" is not a region',
    '6:19 root.accessKey: "a" is not an access key',
  ]);
});

it('says what would be right', () => {
  expect(remedies('erasure: 4-2\nzones: {a: 0}\ndrives: 2\n')).toEqual([
    'Write k+m, for instance 4+2 (four data and two parity shards).',
    'Write how many nodes the zone has, 1 to 1000.',
  ]);
});

describe('unknown settings are errors', () => {
  it.each([
    ['drivs: 2', 'drivs', 'Did you mean "drives"? Else remove it.'],
    ['reigon: eu', 'reigon', 'Did you mean "region"? Else remove it.'],
    ['scheme: 4+2', 'scheme', 'Did you mean "erasure"? Else remove it.'],
    ['disks: 2', 'disks', 'Did you mean "drives"? Else remove it.'],
  ])('%s', (line, key, remedy) => {
    const text = `${GOOD}${line}\n`;
    expect(problems(text)).toEqual([`4:1 ${key}: there is no setting "${key}" here`]);
    expect(remedies(text)).toEqual([remedy]);
  });

  it('with all that there are when nothing is near', () => {
    expect(remedies(`${GOOD}root: {xyz: 1}\n`)).toEqual(['Remove it, or use one of: accessKey, secretKeyFile.']);
  });

  it('inside of nodes and drives, too', () => {
    expect(
      problems('erasure: 2+1\nnodes:\n  a1: {zone: a, adress: h, drives: [{path: /d1, size: 4TB}, /d2, /d3]}\n'),
    ).toEqual([
      '3:17 nodes.a1.adress: there is no setting "adress" here',
      '3:49 nodes.a1.drives[0].size: there is no setting "size" here',
    ]);
  });
});

describe('what is missing', () => {
  it.each([
    ['', ' the file is empty'],
    ['- a\n', '1:1 ["a"] is not a cluster spec'],
    ['zones: {a: 1}\ndrives: 3\n', '1:1 erasure: is missing'],
    ['erasure: 2+1\ndrives: 3\n', '1:1 neither "zones" nor "nodes" is given'],
    ['erasure: 2+1\nzones: {a: 1}\n', '1:1 "drives" is missing'],
    ['erasure: 2+1\nzones: {}\ndrives: 1\n', '2:8 zones: there is no zone'],
    ['erasure: 2+1\nnodes: {a1: {zone: a}}\n', '2:13 nodes.a1: the node has no drives'],
    ['erasure: 2+1\nnodes: {a1: {drives: 3}}\n', '2:9 nodes.a1.zone: is missing'],
  ])('%j', (text, problem) => {
    expect(problems(text).map((line) => line.replace('cluster.yaml', ''))).toContain(problem);
  });
});

describe('contradictions', () => {
  const nodes = (...lines: string[]) => `erasure: 2+1\nnodes:\n${lines.map((line) => `  ${line}\n`).join('')}`;

  it.each([
    ['zones and nodes', `${GOOD}nodes: {a1: {zone: a, drives: 1}}\n`, '2:8 zones: both "zones" and "nodes" are given'],
    [
      'two nodes of one name',
      'erasure: 2+1\nzones: {a: 11, a1: 1}\ndrives: 1\n',
      '2:20 zones.a1: zones a and a1 both get a node a11',
    ],
    ['a drive twice', nodes('a1: {zone: a, drives: [/d1, /d2, /d1]}'), '3:36 nodes.a1.drives[2]: /d1 is listed twice'],
    [
      'two drives of one name',
      nodes('a1: {zone: a, drives: [/x/d1, /y/d1]}'),
      '3:33 nodes.a1.drives[1]: /x/d1 and /y/d1 would both be drive "d1"',
    ],
    [
      'an address twice',
      nodes('a1: {zone: a, address: h, drives: 1}', 'b1: {zone: b, address: "h:9000", drives: 1}'),
      '4:26 nodes.b1.address: h:9000 is the address of node a1 too',
    ],
    [
      'an address here and none there',
      nodes('a1: {zone: a, address: h, drives: 1}', 'b1: {zone: b, drives: 1}'),
      '4:7 nodes.b1: the node has no address, and others have one',
    ],
    [
      'a capacity here and none there',
      nodes('a1: {zone: a, drives: [{path: /d1, capacity: 1TB}, /d2]}'),
      '3:54 nodes.a1.drives[1]: drive a1/d2 has no capacity, and others have one',
    ],
    [
      'a log on a drive',
      nodes('a1: {zone: a, drives: [/d1, /d2, /d3], wal: /d2}'),
      '3:47 nodes.a1.wal: /d2 is a drive of the node too',
    ],
    ['a port that is none', `${GOOD}endpoint: h:70000\n`, '4:11 endpoint: 70000 is not a port'],
    ['a drive for toys', `${GOOD}capacity: 5MB\n`, '4:11 capacity: a drive has less than 1 GiB'],
    ['volumes for ashlar', `${GOOD}volumes: [x]\n`, '4:10 volumes: engine ashlar has no volume arguments'],
    ['too many drives', 'erasure: 4+2\nzones: {a: 1000}\ndrives: 3\n', '3:9 drives: the cluster has 3000 drives'],
  ])('%s', (_, text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });
});

describe('schemes', () => {
  it.each([
    ['0+2', '0+2 has no data shard'],
    ['4+0', '4+0 has no parity shard and survives no loss'],
    ['60+5', '60+5 has 65 shards'],
  ])('%s', (scheme, message) => {
    expect(problems(`erasure: ${scheme}\nzones: {a: 1}\ndrives: 70\n`)).toEqual([`1:10 erasure: ${message}`]);
  });
});

describe('text that is no YAML is refused with its line', () => {
  it.each([
    ['erasure: [4+2\nzones: 1\n', /^2:1 not valid YAML: /],
    ['erasure: 4+2\nerasure: 4+2\n', /^2:1 not valid YAML: Map keys must be unique/],
    ['erasure: !secret 4+2\n', /^1:10 not valid YAML: Unresolved tag/],
    ['a: 1\n---\nb: 1\n', /^2:1 not valid YAML: .*documents/],
  ])('%j', (text, problem) => {
    expect(problems(text)[0]).toMatch(problem);
  });

  it('and a document that refers to itself without end', () => {
    const bomb = `a: &a [1,1,1,1,1,1,1,1,1]\n${'bcdefgh'.replace(/./g, (c) => {
      const before = String.fromCharCode(c.charCodeAt(0) - 1);
      return `${c}: &${c} [${Array(9).fill(`*${before}`).join(',')}]\n`;
    })}`;
    expect(problems(bomb)[0]).toMatch(/not valid YAML: Excessive alias count/);
  });
});

it('finds what is wrong with one node although another one is malformed', () => {
  expect(problems('erasure: 2+1\nnodes:\n  a1: {zone: A, drives: 1}\n  b1: {zone: b, drives: [/d1, /d1]}\n')).toEqual([
    '3:14 nodes.a1.zone: "A" is not a zone\'s name',
    '4:31 nodes.b1.drives[1]: /d1 is listed twice',
  ]);
});

it('does not call missing what is there but malformed', () => {
  expect(problems('erasure: x\nzones: y\ndrives: z\n')).toEqual([
    '1:10 erasure: "x" is not an erasure scheme',
    '2:8 zones: "y" is not a list of zones',
    '3:9 drives: "z" is not a number or a list of drives',
  ]);
});
