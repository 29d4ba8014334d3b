import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ENDPOINTS_MAX, type EndpointProblem, expandEllipses, parseEndpoints } from '../../node/core/endpoints.ts';

function urls(...args: string[]): string[] {
  const list = parseEndpoints(args);
  if (!list.ok) throw new Error(JSON.stringify(list.problems));
  return list.endpoints.map(({ url }) => url);
}

function problems(...args: string[]): readonly EndpointProblem[] {
  const list = parseEndpoints(args);
  if (list.ok) throw new Error('nothing is wrong');
  return list.problems;
}

describe('ranges', () => {
  test('the first range varies fastest', () => {
    expect(urls('http://n{1...2}:9000/data/d{1...3}')).toEqual([
      'http://n1:9000/data/d1',
      'http://n2:9000/data/d1',
      'http://n1:9000/data/d2',
      'http://n2:9000/data/d2',
      'http://n1:9000/data/d3',
      'http://n2:9000/data/d3',
    ]);
  });

  test('three ranges, in zone, host and path', () => {
    const expanded = urls('http://z{1...2}-n{1...2}.example/d{1...2}');
    expect(expanded.slice(0, 3)).toEqual([
      'http://z1-n1.example:9000/d1',
      'http://z2-n1.example:9000/d1',
      'http://z1-n2.example:9000/d1',
    ]);
    expect(new Set(expanded).size).toBe(8);
  });

  test('arguments keep their order, each expanded in its place', () => {
    expect(urls('http://b/d{1...2}', 'http://a/d1')).toEqual([
      'http://b:9000/d1',
      'http://b:9000/d2',
      'http://a:9000/d1',
    ]);
  });

  test('numbers are padded as they are written', () => {
    expect(expandEllipses('d{08...11}')).toEqual(['d08', 'd09', 'd10', 'd11']);
    expect(expandEllipses('d{8...11}')).toEqual(['d8', 'd9', 'd10', 'd11']);
    expect(expandEllipses('d{0...2}')).toEqual(['d0', 'd1', 'd2']);
  });

  test('a range of one is one', () => {
    expect(expandEllipses('n{7...7}')).toEqual(['n7']);
  });

  test('any two ranges give every combination once', () => {
    const range = fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 8 }));
    fc.assert(
      fc.property(range, range, ([a, aMore], [b, bMore]) => {
        const expanded = expandEllipses(`x{${a}...${a + aMore}}y{${b}...${b + bMore}}`) as string[];
        const expected: string[] = [];
        for (let j = b; j <= b + bMore; j++) for (let i = a; i <= a + aMore; i++) expected.push(`x${i}y${j}`);
        expect(expanded).toEqual(expected);
      }),
    );
  });

  test.each([
    ['http://n{1..4}/d1', '{1..4} is not a range'],
    ['http://n{1....4}/d1', '{1....4} is not a range'],
    ['http://n{}/d1', '{} is not a range'],
    ['http://n{a...c}/d1', '{a...c} is not a range'],
    ['http://n{-1...2}/d1', '{-1...2} is not a range'],
    ['http://n{4...1}/d1', '{4...1} counts downwards'],
    ['http://n{01...100}/d1', '{01...100} has ends of different lengths'],
    ['http://n{1...4/d1', 'has a brace without its partner'],
    ['http://n1...4}/d1', 'has a brace without its partner'],
    ['http://n{{1...4}}/d1', 'has a brace without its partner'],
  ])('%s: %s', (arg, message) => {
    expect(problems(arg)).toEqual([
      { endpoint: arg, message, remedy: 'write ranges as {1...4}, from low to high, or padded as {01...16}' },
    ]);
  });

  test('a range that is far too long is refused before it is expanded', () => {
    expect(problems('http://n{1...999999999}/d{1...999999999}')[0]!.message).toMatch(
      /^expands to 99999999\d+ endpoints/,
    );
    expect(expandEllipses(`n{1...${ENDPOINTS_MAX}}`)).toHaveLength(ENDPOINTS_MAX);
    expect(problems(`http://n{1...${ENDPOINTS_MAX}}/d1`, 'http://m{1...2}/d1')[0]!.message).toMatch(
      /^expands to 2 endpoints/,
    );
  });
});

describe('one endpoint', () => {
  test('is taken apart', () => {
    expect(parseEndpoints(['HTTP://N1.Example:9100//data/d1/'])).toMatchObject({
      endpoints: [
        {
          url: 'http://n1.example:9100/data/d1',
          protocol: 'http',
          host: 'n1.example',
          port: 9100,
          path: '/data/d1',
          driveName: 'd1',
        },
      ],
    });
  });

  test('has the port of the others when it names none', () => {
    expect(parseEndpoints(['https://10.0.0.1/d1'], 9443)).toMatchObject({
      endpoints: [{ url: 'https://10.0.0.1:9443/d1', protocol: 'https' }],
    });
  });

  test('may have an IPv6 address', () => {
    expect(urls('http://[FD00::1]:9000/d1')).toEqual(['http://[fd00::1]:9000/d1']);
  });

  test('may have spaces and letters of any script in its path, but not in the name of its drive', () => {
    expect(urls('http://n1/Mein Löwe/d1')).toEqual(['http://n1:9000/Mein Löwe/d1']);
    expect(problems('http://n1/data/drive 1')[0]!.message).toBe('would name its drive "drive 1"');
  });

  test.each([
    ['/data/d1', 'has no scheme', 'http:// and the node'],
    ['n1:9000/data/d1', 'has no scheme', 'http:// and the node'],
    ['ftp://n1/data/d1', 'has the scheme ftp', 'http or https'],
    ['http://n1', 'has no path', 'name the directory of the drive'],
    ['http://n1:9000/', 'has the root directory as its path', 'name the directory of the drive'],
    ['http://n1//', 'has the root directory as its path', 'name the directory of the drive'],
    ['http://user:secret@n1/d1', 'names a user', 'up to the @'],
    ['http://n1/d1?x=1', 'has a query or a fragment', 'end it with the path'],
    ['http://n1/d1#x', 'has a query or a fragment', 'end it with the path'],
    ['http:///data/d1', 'has the host ""', 'a host name or an address'],
    ['http://n 1/d1', 'has the host "n 1"', 'a host name or an address'],
    ['http://n1:0/d1', 'has the port "0"', '1 to 65535'],
    ['http://n1:65536/d1', 'has the port "65536"', '1 to 65535'],
    ['http://n1:/d1', 'has the port ""', '1 to 65535'],
    ['http://n1/data/../d1', 'has "." or ".." in its path', 'write the path out'],
    ['http://n1/data%20x/d1', 'has "%" in its path', 'unescaped'],
    ['http://n1/data\n/d1', 'has "\\n" in its path', 'unescaped'],
    ['http://n1/data/.d1', 'would name its drive ".d1"', 'beginning with a letter or digit'],
  ])('%j %s', (arg, message, remedy) => {
    expect(problems(arg)).toEqual([{ endpoint: arg, message, remedy: expect.stringContaining(remedy) }]);
  });
});

describe('a list', () => {
  test('is grouped by node, in the order in which nodes first appear', () => {
    const list = parseEndpoints(['http://b/d1', 'http://a/d1', 'http://b/d2']);
    expect(list).toMatchObject({
      ok: true,
      groups: [
        { host: 'b', port: 9000, endpoints: [{ driveName: 'd1' }, { driveName: 'd2' }] },
        { host: 'a', port: 9000, endpoints: [{ driveName: 'd1' }] },
      ],
    });
  });

  test('may have several nodes on one host, by their ports', () => {
    const list = parseEndpoints(['http://127.0.0.1:{9001...9003}/data/d1']);
    expect(list).toMatchObject({ groups: [{ port: 9001 }, { port: 9002 }, { port: 9003 }] });
  });

  test.each([
    [['http://n1/d1', 'http://n1:9000/d1/'], 'http://n1:9000/d1', 'is listed twice'],
    [
      ['http://n1/a/d1', 'http://n1/b/d1'],
      'http://n1:9000/b/d1',
      'has the same last component as http://n1:9000/a/d1, and that names the drive',
    ],
    [['http://n1/data', 'http://n1/data/d1'], 'http://n1:9000/data/d1', 'lies within http://n1:9000/data'],
    [['http://n1/data/d1', 'http://n1/data'], 'http://n1:9000/data/d1', 'lies within http://n1:9000/data'],
    [['http://n1/d1', 'https://n2/d1'], 'https://n2:9000/d1', 'is https where http://n1:9000/d1 is http'],
    [
      ['http://n1:9000/d1', 'http://n2:9001/d1'],
      'http://n2:9001/d1',
      'has port 9001 where http://n1:9000/d1 has port 9000',
    ],
  ])('%j: %s %s', (args, endpoint, message) => {
    expect(problems(...args)).toEqual([{ endpoint, message, remedy: expect.any(String) }]);
  });

  test('may have the same path on different nodes', () => {
    expect(urls('http://n1/d1', 'http://n2/d1')).toHaveLength(2);
  });

  test('names every problem, not only the first', () => {
    const found = problems('n1/d1', 'http://n{4...1}/d1', 'http://n1/d1', 'http://n1/d1');
    expect(found.map(({ endpoint }) => endpoint)).toEqual(['n1/d1', 'http://n{4...1}/d1', 'http://n1:9000/d1']);
  });
});
