import { describe, expect, test } from 'vitest';
import { type ConfigProblem, parseServerConfig, problemText, serverHelp } from '../../node/config.ts';
import { CONFIG_SCHEMA, SETTING_KEYS, settingOf } from '../../node/config-schema.ts';

const SECRETS = {
  ASHLAR_CLUSTER_SECRET: '0123456789abcdef',
  ASHLAR_ROOT_USER: 'admin',
  ASHLAR_ROOT_PASSWORD: 'password',
};
const ARGUMENTS = ['--zone', 'a', '--scheme', '2+1', 'http://n{1...3}:9000/data/d1'];

const noFile = (path: string): string => {
  throw new Error(`ENOENT: no such file or directory, open '${path}'`);
};

function parse(argv: readonly string[], environment: Record<string, string> = SECRETS, readFile = noFile) {
  return parseServerConfig(argv, environment, readFile);
}

function config(...args: Parameters<typeof parse>) {
  const result = parse(...args);
  if (!result.ok) throw new Error(result.problems.map(problemText).join('\n'));
  return result.config;
}

function problems(...args: Parameters<typeof parse>): readonly ConfigProblem[] {
  const result = parse(...args);
  if (result.ok) throw new Error('nothing is wrong');
  return result.problems;
}

/** "setting message", without the remedies. */
const wrong = (...args: Parameters<typeof parse>) =>
  problems(...args).map(({ setting, message }) => `${setting} ${message}`);

describe('what is given', () => {
  test('the least that a node needs, and the defaults of the rest', () => {
    expect(config(ARGUMENTS)).toEqual({
      endpoints: [1, 2, 3].map((n) => expect.objectContaining({ url: `http://n${n}:9000/data/d1` })),
      endpointGroups: [1, 2, 3].map((n) => expect.objectContaining({ host: `n${n}`, port: 9000 })),
      name: null,
      zone: 'a',
      scheme: { k: 2, m: 1 },
      listen: { host: '0.0.0.0', port: 9000 },
      walPath: null,
      region: 'us-east-1',
      domains: [],
      scrubBytesPerSecond: 16 * 1024 * 1024,
      drainSeconds: 0,
      logLevel: 'info',
      clusterSecret: '0123456789abcdef',
      rootUser: 'admin',
      rootPassword: 'password',
    });
  });

  test('every flag, with a space or an equals sign, before and after the endpoints', () => {
    const argv = [
      'http://n1/data/d1',
      ...[
        '--name',
        'n1',
        '--zone=a',
        '--scheme',
        '1+1',
        '--listen=127.0.0.1:9100',
        '--wal',
        '/wal',
        '--region',
        'eu-1',
      ],
      ...['--domain', 's3.example.com', '--domain=s3.local', '--drain', '7', '--log-level', 'debug'],
      'http://n2/data/d1',
    ];
    expect(config(argv)).toMatchObject({
      endpoints: [{ url: 'http://n1:9100/data/d1' }, { url: 'http://n2:9100/data/d1' }],
      name: 'n1',
      listen: { host: '127.0.0.1', port: 9100 },
      walPath: '/wal',
      region: 'eu-1',
      domains: ['s3.example.com', 's3.local'],
      drainSeconds: 7,
      logLevel: 'debug',
    });
  });

  test('every setting as a variable', () => {
    const environment = {
      ...SECRETS,
      ASHLAR_ENDPOINTS: 'http://n1/data/d1, http://n2/data/d1\nhttp://n3/data/d{1...2}',
      ASHLAR_NAME: 'n1',
      ASHLAR_ZONE: 'b',
      ASHLAR_SCHEME: '3+1',
      ASHLAR_LISTEN: '[::]:9100',
      ASHLAR_WAL: '/wal',
      ASHLAR_REGION: 'eu-1',
      ASHLAR_DOMAIN: 's3.example.com,s3.local',
      ASHLAR_DRAIN: '5',
      ASHLAR_LOG_LEVEL: 'warn',
    };
    expect(config([], environment)).toMatchObject({
      endpoints: [{ host: 'n1' }, { host: 'n2' }, { host: 'n3' }, { host: 'n3', driveName: 'd2' }],
      name: 'n1',
      zone: 'b',
      scheme: { k: 3, m: 1 },
      listen: { host: '[::]', port: 9100 },
      walPath: '/wal',
      region: 'eu-1',
      domains: ['s3.example.com', 's3.local'],
      drainSeconds: 5,
      logLevel: 'warn',
    });
  });

  test('a flag wins over its variable, and endpoints that are typed over those of the variable', () => {
    const environment = { ...SECRETS, ASHLAR_ZONE: 'b', ASHLAR_ENDPOINTS: 'http://x{1...3}/d1' };
    expect(config(ARGUMENTS, environment)).toMatchObject({ zone: 'a', endpoints: [{ host: 'n1' }, {}, {}] });
  });

  test('an empty variable counts as not set', () => {
    expect(config(ARGUMENTS, { ...SECRETS, ASHLAR_REGION: '' }).region).toBe('us-east-1');
    expect(wrong(ARGUMENTS, { ...SECRETS, ASHLAR_ROOT_USER: '' })).toEqual(['ASHLAR_ROOT_USER is missing']);
  });

  test(':PORT listens on every address', () => {
    expect(config([...ARGUMENTS, '--listen', ':9100']).listen).toEqual({ host: '0.0.0.0', port: 9100 });
  });
});

describe('values in files', () => {
  test('may be those of any setting, lists included', () => {
    const files: Record<string, string> = {
      '/etc/name': 'a1\n',
      '/etc/endpoints': 'http://n{1...3}/d1\nhttp://n4/d1\n',
    };
    const environment = { ...SECRETS, ASHLAR_NAME_FILE: '/etc/name', ASHLAR_ENDPOINTS_FILE: '/etc/endpoints' };
    const { name, endpoints } = config(['--zone', 'a', '--scheme', '2+1'], environment, (path) => files[path]!);
    expect(name).toBe('a1');
    expect(endpoints.map(({ host }) => host)).toEqual(['n1', 'n2', 'n3', 'n4']);
  });

  test('lose to flags, as variables do', () => {
    expect(config([...ARGUMENTS, '--name', 'b1'], { ...SECRETS, ASHLAR_NAME_FILE: '/etc/name' }, () => 'a1').name).toBe(
      'b1',
    );
  });
});

describe('secrets', () => {
  test('come from files without the line break at their end', () => {
    const files: Record<string, string> = {
      '/run/secret': 'from a file 1234\n',
      '/run/user': 'root\r\n',
      '/run/password': ' spaces are kept ',
    };
    const environment = {
      ASHLAR_CLUSTER_SECRET_FILE: '/run/secret',
      ASHLAR_ROOT_USER_FILE: '/run/user',
      ASHLAR_ROOT_PASSWORD_FILE: '/run/password',
    };
    expect(config(ARGUMENTS, environment, (path) => files[path]!)).toMatchObject({
      clusterSecret: 'from a file 1234',
      rootUser: 'root',
      rootPassword: ' spaces are kept ',
    });
  });

  test('in a file that cannot be read are one problem, not two', () => {
    const { ASHLAR_ROOT_PASSWORD: _, ...rest } = SECRETS;
    expect(wrong(ARGUMENTS, { ...rest, ASHLAR_ROOT_PASSWORD_FILE: '/none' })).toEqual([
      "ASHLAR_ROOT_PASSWORD_FILE=/none cannot be read (ENOENT: no such file or directory, open '/none')",
    ]);
  });

  test('given both ways are refused', () => {
    expect(wrong(ARGUMENTS, { ...SECRETS, ASHLAR_ROOT_USER_FILE: '/x' }, () => 'root')).toEqual([
      'ASHLAR_ROOT_USER_FILE is set, and ASHLAR_ROOT_USER too',
    ]);
  });

  test('that are missing are named', () => {
    expect(wrong(ARGUMENTS, {})).toEqual([
      'ASHLAR_CLUSTER_SECRET is missing',
      'ASHLAR_ROOT_USER is missing',
      'ASHLAR_ROOT_PASSWORD is missing',
    ]);
  });

  test.each([
    ['ASHLAR_CLUSTER_SECRET', 'fifteen letters', 'is shorter than 16 characters'],
    ['ASHLAR_ROOT_USER', 'ab', 'is shorter than 3 characters'],
    ['ASHLAR_ROOT_USER', 'a'.repeat(129), 'is longer than 128 characters'],
    ['ASHLAR_ROOT_USER', 'a b', 'has a character that an access key id cannot have'],
    ['ASHLAR_ROOT_USER', 'a,b', 'has a character that an access key id cannot have'],
    ['ASHLAR_ROOT_USER', 'a=b', 'has a character that an access key id cannot have'],
    ['ASHLAR_ROOT_USER', 'müller', 'has a character that an access key id cannot have'],
    ['ASHLAR_ROOT_PASSWORD', 'seven77', 'is shorter than 8 characters'],
  ])('%s=%s %s, and the value is not shown', (variable, value, message) => {
    const found = problems(ARGUMENTS, { ...SECRETS, [variable]: value });
    expect(found).toEqual([{ setting: variable, message, remedy: expect.any(String) }]);
    expect(found.map(problemText).join()).not.toContain(`"${value}"`);
  });

  test.each(['--cluster-secret', '--root-user', '--root-password'])('%s is refused as a flag', (flag) => {
    expect(problems([...ARGUMENTS, flag, 'x'])).toEqual([
      {
        setting: flag,
        message: 'would show the secret in the list of processes',
        remedy: expect.stringMatching(/^set ASHLAR_\w+ or ASHLAR_\w+_FILE instead$/),
      },
    ]);
  });
});

describe('what is wrong', () => {
  test('all of it is told at once', () => {
    const argv = ['--zome', 'a', '--scheme', '4', '--listen', 'nowhere', 'n1/d1'];
    expect(wrong(argv, { ASHLAR_ROOT_USER: 'x', ASHLAR_REGOIN: 'y' })).toEqual([
      'ASHLAR_REGOIN is no setting',
      '--zome is no flag',
      '--zone (ASHLAR_ZONE) is missing',
      '--scheme 4 is refused ("4" is not an erasure scheme; write k+m, for instance 4+2)',
      '--listen nowhere is no address',
      'ASHLAR_CLUSTER_SECRET is missing',
      'ASHLAR_ROOT_USER is shorter than 3 characters',
      'ASHLAR_ROOT_PASSWORD is missing',
      'n1/d1 has no scheme',
    ]);
  });

  test.each([
    ['--zome', 'did you mean --zone?'],
    ['--log-lvel', 'did you mean --log-level?'],
    [
      '--drives',
      'the known ones are --name, --zone, --scheme, --listen, --wal, --region, --domain, --scrub-rate, --drain, --log-level',
    ],
    ['-z', 'the known ones are'],
  ])('the unknown flag %s: %s', (flag, remedy) => {
    expect(problems([...ARGUMENTS, flag, 'x'])).toEqual([
      { setting: flag, message: 'is no flag', remedy: expect.stringContaining(remedy) },
    ]);
  });

  test.each([
    ['ASHLAR_ZOME', 'did you mean ASHLAR_ZONE?'],
    ['ASHLAR_DOMAINS', 'did you mean ASHLAR_DOMAIN?'],
    ['ASHLAR_ROOT_PASSWD', 'did you mean ASHLAR_ROOT_PASSWORD?'],
    ['ASHLAR_SOMETHING_ELSE_ENTIRELY', 'the known ones are ASHLAR_ENDPOINTS, ASHLAR_NAME'],
  ])('the unknown variable %s: %s', (variable, remedy) => {
    expect(problems(ARGUMENTS, { ...SECRETS, [variable]: 'x' })).toEqual([
      { setting: variable, message: 'is no setting', remedy: expect.stringContaining(remedy) },
    ]);
  });

  test('variables of other programs, and those that Kubernetes sets for a Service named ashlar, are nobody’s settings', () => {
    const others = {
      PATH: '/bin',
      MINIO_ROOT_USER: 'x',
      ASHLAR_SERVICE_HOST: '10.0.0.1',
      ASHLAR_SERVICE_PORT: '9000',
      ASHLAR_SERVICE_PORT_S3: '9000',
      ASHLAR_PORT: 'tcp://10.0.0.1:9000',
      ASHLAR_PORT_9000_TCP: 'tcp://10.0.0.1:9000',
      ASHLAR_PORT_9000_TCP_ADDR: '10.0.0.1',
      ASHLAR_ZONE_A_SERVICE_HOST: '10.0.0.2',
      ASHLAR_ZONE_A_PORT_9000_TCP_PROTO: 'tcp',
    };
    expect(config(ARGUMENTS, { ...SECRETS, ...others }).zone).toBe('a');
  });

  test.each([
    [['--name', 'N 1'], '--name N 1 is no host name'],
    [['--zone', 'Zone A'], '--zone Zone A is no zone name'],
    [
      ['--scheme', '4+0'],
      '--scheme 4+0 is refused ("4+0" has no parity shard, so it survives no loss; m must be at least 1)',
    ],
    [['--listen', '127.0.0.1'], '--listen 127.0.0.1 is no address'],
    [['--listen', '127.0.0.1:0'], '--listen 127.0.0.1:0 is no address'],
    [['--listen', '127.0.0.1:65536'], '--listen 127.0.0.1:65536 is no address'],
    [['--wal', 'wal'], '--wal wal is no absolute path'],
    [['--region', 'US East'], '--region US East is no region name'],
    [['--domain', 'good.example', '--domain', 'bad_one:9000'], '--domain bad_one:9000 is no domain name'],
    [['--log-level', 'loud'], '--log-level loud is no log level'],
  ])('%j', (argv, expected) => {
    const [flag] = argv;
    const rest = ['--zone', 'a', '--scheme', '2+1'].filter((_, i, all) => all[i - (i % 2)] !== flag);
    expect(wrong([...rest, ...argv, 'http://n{1...3}/d1'])).toEqual([expected]);
  });

  test('a value in a variable is shown with the variable', () => {
    expect(wrong(ARGUMENTS, { ...SECRETS, ASHLAR_REGION: 'US East' })).toEqual([
      'ASHLAR_REGION=US East is no region name',
    ]);
  });

  test('a flag that is given twice', () => {
    expect(wrong([...ARGUMENTS, '--zone', 'b'])).toEqual(['--zone is given twice']);
  });

  test.each([
    ['at the end', [...ARGUMENTS, '--name']],
    ['before another flag', ['--name', ...ARGUMENTS]],
    ['before an endpoint', ['--zone', 'a', '--scheme', '2+1', '--name', 'http://n{1...3}/d1']],
  ])('a flag without its value, %s', (_, argv) => {
    expect(wrong(argv)).toEqual(['--name has no value']);
  });

  test('a needed flag without its value is told once', () => {
    expect(wrong(['--scheme', '2+1', '--zone', 'http://n{1...3}/d1'])).toEqual(['--zone has no value']);
  });

  test.each([
    ['no endpoints', [], {}, 'ENDPOINT... (ASHLAR_ENDPOINTS) is missing'],
    ['an empty list', [], { ASHLAR_ENDPOINTS: ' , ' }, 'ASHLAR_ENDPOINTS= is empty'],
    ['fewer drives than shards', ['http://n{1...2}/d1'], {}, '--scheme 2+1 needs 3 drives, and the list has 2'],
    ['an endpoint that is none', ['http://n1'], {}, 'http://n1 has no path'],
  ])('%s', (_, endpoints, environment, expected) => {
    expect(wrong(['--zone', 'a', '--scheme', '2+1', ...endpoints], { ...SECRETS, ...environment })).toEqual([expected]);
  });

  test('is told in a line that a person can act on', () => {
    expect(problemText(problems(['--scheme', '2+1', 'http://n{1...3}/d1'])[0]!)).toBe(
      '--zone (ASHLAR_ZONE) is missing; name the zone in lower-case letters, digits, dashes and dots, for instance a',
    );
  });
});

describe('help', () => {
  const lines = serverHelp().split('\n');

  test.each(SETTING_KEYS)('has a line for %s with its flag, its variable and its meaning', (key) => {
    const setting = settingOf(key);
    const line = lines.find((text) => text.includes(` ${setting.variable}`) && text.includes('  '));
    expect(line).toContain(CONFIG_SCHEMA.shape[key].description);
    if (setting.kind === 'flag') expect(line).toContain(`${setting.flag} ${setting.placeholder}`);
    expect(line).toContain(`${setting.variable}[_FILE]`);
  });

  test('shows the defaults that hold', () => {
    const { listen, region, logLevel } = config(ARGUMENTS);
    const text = serverHelp();
    for (const value of [`${listen.host}:${listen.port}`, region, logLevel])
      expect(text).toContain(`Default: ${value}.`);
  });
});
