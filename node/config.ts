// From the command line and the environment to the node's settings, or to everything that is wrong with them at once. The only
// file of the node that knows of the environment; even here it is handed in.
import type { z } from 'zod';
import { CONFIG_SCHEMA, SETTING_KEYS, type SettingKey, settingOf } from './config-schema.ts';
import { type Endpoint, type EndpointGroup, parseEndpoints } from './core/endpoints.ts';
import { nearestWord } from './core/nearest-word.ts';

type Values = z.output<typeof CONFIG_SCHEMA>;

/** name and walPath are null where nothing was given; every other setting has a value. */
export type ServerConfig = Readonly<Omit<Values, 'endpoints'>> & {
  /** Every drive of the cluster, in the order of the list. */
  readonly endpoints: readonly Endpoint[];
  /** The same by node. */
  readonly endpointGroups: readonly EndpointGroup[];
};

export interface ConfigProblem {
  /** The flag, the variable or the endpoint that is wrong, as the operator wrote it; of a secret only the name. */
  readonly setting: string;
  readonly message: string;
  readonly remedy: string;
}

export type ServerConfigResult =
  | { readonly ok: true; readonly config: ServerConfig }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export type Environment = Readonly<Record<string, string | undefined>>;

/** argv: what follows "server". readFile: the text of a file, or throws; for variables with _FILE. */
export function parseServerConfig(
  argv: readonly string[],
  environment: Environment,
  readFile: (path: string) => string,
): ServerConfigResult {
  const problems: ConfigProblem[] = [];
  // What is typed wins over what the surroundings say.
  const given = new Map([...readVariables(environment, readFile, problems), ...readArguments(argv, problems)]);
  const values = checkValues(given, problems);
  const list = parseEndpoints(given.get('endpoints')?.values ?? [], values?.listen.port);
  if (!list.ok) problems.push(...list.problems.map(({ endpoint, ...rest }) => ({ setting: endpoint, ...rest })));
  if (values === null || !list.ok) return { ok: false, problems };
  const { k, m } = values.scheme;
  if (list.endpoints.length < k + m) {
    problems.push({
      setting: written('scheme', given.get('scheme')),
      message: `needs ${k + m} drives, and the list has ${list.endpoints.length}`,
      remedy: 'list more drives or use fewer shards',
    });
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, config: { ...values, endpoints: list.endpoints, endpointGroups: list.groups } };
}

/** One line, for instance "--zone (ASHLAR_ZONE) is missing; name the zone …". */
export function problemText({ setting, message, remedy }: ConfigProblem): string {
  return `${setting} ${message}; ${remedy}`;
}

/** What `server --help` prints: every setting with its flag, its variable, what it means and its default. */
export function serverHelp(): string {
  const rows = SETTING_KEYS.map((key) => {
    const setting = settingOf(key);
    const fallback = setting.kind === 'flag' && setting.fallback !== null ? ` Default: ${setting.fallback}.` : '';
    return {
      flag:
        setting.kind === 'secret'
          ? ''
          : setting.kind === 'flag'
            ? `${setting.flag} ${setting.placeholder}`
            : setting.placeholder,
      variable: `${setting.variable}[_FILE]`,
      text: `${CONFIG_SCHEMA.shape[key].description}${fallback}`,
    };
  });
  const flagWidth = Math.max(...rows.map(({ flag }) => flag.length));
  const variableWidth = Math.max(...rows.map(({ variable }) => variable.length));
  return [
    'usage: server [FLAG VALUE]... ENDPOINT...',
    '',
    ...rows.map(
      ({ flag, variable, text }) => `  ${flag.padEnd(flagWidth)}  ${variable.padEnd(variableWidth)}  ${text}`,
    ),
    '',
    'A flag wins over its variable. With _FILE the variable names a file that holds the value. Secrets are variables only.',
  ].join('\n');
}

/** Where a setting was found, and what was there. */
interface Given {
  /** The flag or the variable. */
  readonly source: string;
  readonly separator: ' ' | '=';
  /** Empty when the value could not be had, which is a problem that has been told. */
  readonly values: readonly string[];
}

function readArguments(argv: readonly string[], problems: ConfigProblem[]): Map<SettingKey, Given> {
  const given = new Map<SettingKey, Given>();
  const add = (key: SettingKey, source: string, value: string) => {
    const before = given.get(key)?.values ?? [];
    if (before.length > 0 && !settingOf(key).list) {
      problems.push({ setting: source, message: 'is given twice', remedy: 'give it once' });
    }
    given.set(key, { source, separator: ' ', values: [...before, value] });
  };
  const rest = [...argv];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (!arg.startsWith('-')) {
      add('endpoints', 'ENDPOINT', arg);
      continue;
    }
    const equals = arg.indexOf('=');
    const flag = equals < 0 ? arg : arg.slice(0, equals);
    const value = equals < 0 ? valueAfter(rest) : arg.slice(equals + 1);
    const key = FLAGS.get(flag);
    if (key === undefined) {
      problems.push(unknownFlag(flag));
    } else if (value === undefined) {
      problems.push({ setting: flag, message: 'has no value', remedy: settingOf(key).remedy });
      given.set(key, { source: flag, separator: ' ', values: [] });
    } else {
      add(key, flag, value);
    }
  }
  return given;
}

/** The next argument, unless it is a flag or an endpoint: then a value was forgotten. */
function valueAfter(rest: string[]): string | undefined {
  return rest[0] === undefined || rest[0].startsWith('-') || rest[0].includes('://') ? undefined : rest.shift();
}

const FLAGS: ReadonlyMap<string, SettingKey> = new Map(
  SETTING_KEYS.flatMap((key): [string, SettingKey][] => {
    const setting = settingOf(key);
    return setting.kind === 'flag' ? [[setting.flag, key]] : [];
  }),
);

function unknownFlag(flag: string): ConfigProblem {
  const secret = SETTING_KEYS.map(settingOf).find(
    ({ kind, variable }) =>
      kind === 'secret' && flag === `--${variable.slice(PREFIX.length).toLowerCase().replaceAll('_', '-')}`,
  );
  if (secret === undefined) return unknown(flag, 'flag', [...FLAGS.keys()]);
  return {
    setting: flag,
    message: 'would show the secret in the list of processes',
    remedy: `set ${secret.variable} or ${secret.variable}_FILE instead`,
  };
}

function unknown(setting: string, noun: string, known: readonly string[]): ConfigProblem {
  const nearest = nearestWord(setting, known);
  return {
    setting,
    message: `is no ${noun}`,
    remedy: nearest === null ? `the known ones are ${known.join(', ')}` : `did you mean ${nearest}?`,
  };
}

const PREFIX = 'ASHLAR_';

/** Kubernetes sets these for every Service whose name starts with "ashlar"; they are nobody's settings. */
const SERVICE_LINK =
  /^ASHLAR_(?:.*_)?(?:SERVICE_(?:HOST|PORT(?:_.*)?)|PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?)$/;

/** An empty variable counts as not set. */
function readVariables(
  environment: Environment,
  readFile: (path: string) => string,
  problems: ConfigProblem[],
): Map<SettingKey, Given> {
  const known = new Map<string, SettingKey>();
  for (const key of SETTING_KEYS) {
    const { variable } = settingOf(key);
    known.set(variable, key);
    known.set(`${variable}_FILE`, key);
  }
  const given = new Map<SettingKey, Given>();
  for (const [source, value] of Object.entries(environment).sort(([a], [b]) => (a < b ? -1 : 1))) {
    if (!source.startsWith(PREFIX) || value === undefined || value === '' || SERVICE_LINK.test(source)) continue;
    const key = known.get(source);
    if (key === undefined) {
      const ending = source.endsWith('_FILE') ? '_FILE' : '';
      problems.push(
        unknown(
          source,
          'setting',
          SETTING_KEYS.map((setting) => `${settingOf(setting).variable}${ending}`),
        ),
      );
      continue;
    }
    const { variable, list } = settingOf(key);
    if (given.has(key)) {
      problems.push({ setting: source, message: `is set, and ${variable} too`, remedy: 'set one of the two' });
      continue;
    }
    const text = source === variable ? value : readValue(source, value, readFile, problems);
    const words = list ? (text ?? '').split(/[\s,]+/).filter((part) => part !== '') : [];
    given.set(key, { source, separator: '=', values: list ? words : text === null ? [] : [text] });
  }
  return given;
}

/** The line break that editors put at the end of a file does not belong to the value. */
function readValue(
  source: string,
  path: string,
  readFile: (path: string) => string,
  problems: ConfigProblem[],
): string | null {
  try {
    return readFile(path).replace(/\r?\n$/, '');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    problems.push({
      setting: `${source}=${path}`,
      message: `cannot be read (${reason})`,
      remedy: 'name a readable file',
    });
    return null;
  }
}

function checkValues(given: ReadonlyMap<SettingKey, Given>, problems: ConfigProblem[]): Values | null {
  const input: Record<string, string | readonly string[] | undefined> = {};
  for (const [key, { values }] of given) input[key] = settingOf(key).list ? values : values[0];
  const result = CONFIG_SCHEMA.safeParse(input);
  if (result.success) return result.data;
  for (const { path, message } of result.error.issues) {
    const [key, index] = path as [SettingKey, number?];
    const found = given.get(key);
    const told = found?.values.length === 0 && !settingOf(key).list;
    if (!told) problems.push({ setting: written(key, found, index), message, remedy: settingOf(key).remedy });
  }
  return null;
}

/** As the operator wrote it ("--zone A", "ASHLAR_ZONE=A"); of a secret only the name; what was not given, as it could be. */
function written(key: SettingKey, given?: Given, index = 0): string {
  const setting = settingOf(key);
  if (setting.kind === 'secret') return given?.source ?? setting.variable;
  if (given !== undefined) return `${given.source}${given.separator}${given.values[index] ?? ''}`;
  return `${setting.kind === 'flag' ? setting.flag : setting.placeholder} (${setting.variable})`;
}
