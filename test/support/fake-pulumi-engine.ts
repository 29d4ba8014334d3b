// What `pulumi up` and `pulumi preview` are for a program, without Pulumi's own program: the engine and its resource monitor as servers on
// 127.0.0.1, and the SDK's runner started as Pulumi's language host for Node starts it. Everything is answered as a provider would that
// does what it is asked; nothing is kept between runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import type * as Grpc from '@grpc/grpc-js';
import type * as EngineGrpc from '@pulumi/pulumi/proto/engine_grpc_pb.js';
import type * as EngineMessages from '@pulumi/pulumi/proto/engine_pb.js';
import type * as MonitorGrpc from '@pulumi/pulumi/proto/resource_grpc_pb.js';
import type * as MonitorMessages from '@pulumi/pulumi/proto/resource_pb.js';
import type * as EmptyMessages from 'google-protobuf/google/protobuf/empty_pb.js';
import type * as StructMessages from 'google-protobuf/google/protobuf/struct_pb.js';
import { parse } from 'yaml';

/** What the program asked the engine to register, as it was sent. */
export interface Registration {
  readonly urn: string;
  readonly type: string;
  readonly name: string;
  /** A URN, or '' of the stack itself. */
  readonly parent: string;
  readonly isCustom: boolean;
  /** Secrets and what is not known yet are in Pulumi's own marks. */
  readonly inputs: Readonly<Record<string, unknown>>;
  /** URNs. */
  readonly dependencies: readonly string[];
  /** "URN::ID", or '' for the default one. */
  readonly provider: string;
  readonly ignoreChanges: readonly string[];
  readonly isProtected: boolean;
  readonly isRetainedOnDelete: boolean;
}

export interface LogLine {
  readonly severity: 'debug' | 'info' | 'warning' | 'error';
  readonly message: string;
}

export interface RunProps {
  /** Where Pulumi.yaml is. */
  readonly project: string;
  /** What the program takes for that place; by default it is the same. */
  readonly rootDirectory?: string;
  readonly isPreview: boolean;
  /** As in Pulumi.STACK.yaml: "ashlar:image". */
  readonly config?: Readonly<Record<string, string>>;
  readonly secretConfig?: readonly string[];
  /** Of the process, besides what the language host adds. */
  readonly environment: Readonly<Record<string, string>>;
  /** The `node` on the PATH. */
  readonly node: string;
  /** What the provider adds to a resource. */
  readonly stateOf?: (resource: Registration) => Record<string, unknown>;
  /** Awaited before a registration is answered; rejects when the provider fails. */
  readonly provide?: (resource: Registration) => Promise<void>;
}

export interface Run {
  readonly exitCode: number | null;
  readonly registered: readonly Registration[];
  readonly log: readonly LogLine[];
  /** Of the stack and of components, by URN. */
  readonly outputs: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  /** What the process wrote itself. */
  readonly printed: string;
}

/** In a preview, in place of what only a deploy could know. */
export const UNKNOWN = '04da6b54-80e4-46f7-96ec-b56ff0331ba9';
const PROJECT = 'ashlar';
const STACK = 'test';
/** What Pulumi does at the same time by default, on many cores. */
const PARALLEL = '16';

// The copies that the library itself works with: messages of another copy would not be understood.
const load = createRequire(createRequire(import.meta.url).resolve('@pulumi/pulumi'));
const grpc = load('@grpc/grpc-js') as typeof Grpc;
const engineGrpc = load('./proto/engine_grpc_pb.js') as typeof EngineGrpc;
const monitorGrpc = load('./proto/resource_grpc_pb.js') as typeof MonitorGrpc;
const monitorMessages = load('./proto/resource_pb.js') as typeof MonitorMessages;
const engineMessages = load('./proto/engine_pb.js') as typeof EngineMessages;
const { Empty } = load('google-protobuf/google/protobuf/empty_pb.js') as typeof EmptyMessages;
const { Struct } = load('google-protobuf/google/protobuf/struct_pb.js') as typeof StructMessages;

/** Resolves when the program's process has ended and everything that it left open is closed. */
export async function runPulumi(props: RunProps): Promise<Run> {
  const seen = new Seen(props);
  const server = new grpc.Server();
  server.addService(monitorGrpc.ResourceMonitorService, seen.monitor());
  server.addService(engineGrpc.EngineService, seen.engine());
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    ),
  );
  try {
    const { exitCode, printed } = await runProgram(props, `127.0.0.1:${port}`);
    return { exitCode, printed, registered: seen.registered, log: seen.log, outputs: seen.outputs };
  } finally {
    server.forceShutdown();
  }
}

/** The command line of Pulumi's language host for Node (sdk/nodejs/cmd/pulumi-language-nodejs, `constructArguments`). */
async function runProgram(props: RunProps, address: string): Promise<Pick<Run, 'exitCode' | 'printed'>> {
  const { project, rootDirectory = project, isPreview, config = {}, secretConfig = [], node } = props;
  const { main } = parse(readFileSync(join(project, 'Pulumi.yaml'), 'utf8')) as { main: string };
  const keyOf = (key: string) => key.replace(':', ':config:');
  const child = spawn(
    node,
    [
      load.resolve('./cmd/run/index.js'),
      ...['--monitor', address, '--engine', address, '--organization', 'organization', '--project', PROJECT],
      // The program runs in the directory of its entry point.
      ...['--root-directory', rootDirectory, '--stack', STACK, '--pwd', dirname(join(project, main))],
      ...(isPreview ? ['--dry-run'] : []),
      ...['--parallel', PARALLEL, basename(main)],
    ],
    {
      cwd: project,
      env: {
        ...props.environment,
        PULUMI_CONFIG: JSON.stringify(
          Object.fromEntries(Object.entries(config).map(([key, value]) => [keyOf(key), value])),
        ),
        PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(secretConfig),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      printed += chunk;
    });
  }
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, printed };
}

type Answer<Message> = Grpc.sendUnaryData<Message>;
interface Call<Message> {
  readonly request: Message;
}

class Seen {
  readonly registered: Registration[] = [];
  readonly log: LogLine[] = [];
  readonly outputs = new Map<string, Readonly<Record<string, unknown>>>();
  readonly #props: RunProps;

  constructor(props: RunProps) {
    this.#props = props;
  }

  monitor(): Grpc.UntypedServiceImplementation {
    const notThere = (_call: unknown, answer: Answer<never>) => answer({ code: grpc.status.UNIMPLEMENTED });
    const nothing = (_call: unknown, answer: Answer<EmptyMessages.Empty>) => answer(null, new Empty());
    return {
      // An older engine's way to say what it can, which newer ones have too.
      getDeploymentInfo: notThere,
      supportsFeature: (_call: unknown, answer: Answer<MonitorMessages.SupportsFeatureResponse>) => {
        answer(null, new monitorMessages.SupportsFeatureResponse().setHassupport(true));
      },
      registerResource: (
        { request }: Call<MonitorMessages.RegisterResourceRequest>,
        answer: Answer<MonitorMessages.RegisterResourceResponse>,
      ) => {
        const resource = registrationOf(request);
        this.registered.push(resource);
        this.#register(resource).then(
          (response) => answer(null, response),
          (error: Error) => answer({ code: grpc.status.UNKNOWN, message: error.message }),
        );
      },
      registerResourceOutputs: (
        { request }: Call<MonitorMessages.RegisterResourceOutputsRequest>,
        answer: Answer<EmptyMessages.Empty>,
      ) => {
        this.outputs.set(request.getUrn(), request.getOutputs()?.toJavaScript() ?? {});
        answer(null, new Empty());
      },
      signalAndWaitForShutdown: nothing,
      invoke: notThere,
      call: notThere,
      readResource: notThere,
      existsResource: notThere,
      registerStackTransform: notThere,
      registerStackInvokeTransform: notThere,
      registerResourceHook: notThere,
      registerErrorHook: notThere,
      registerPackage: notThere,
    };
  }

  engine(): Grpc.UntypedServiceImplementation {
    let root = '';
    return {
      log: ({ request }: Call<EngineMessages.LogRequest>, answer: Answer<EmptyMessages.Empty>) => {
        const severity = (['debug', 'info', 'warning', 'error'] as const)[request.getSeverity()]!;
        this.log.push({ severity, message: request.getMessage() });
        answer(null, new Empty());
      },
      getRootResource: (_call: unknown, answer: Answer<EngineMessages.GetRootResourceResponse>) => {
        answer(null, new engineMessages.GetRootResourceResponse().setUrn(root));
      },
      setRootResource: (
        { request }: Call<EngineMessages.SetRootResourceRequest>,
        answer: Answer<EngineMessages.SetRootResourceResponse>,
      ) => {
        root = request.getUrn();
        answer(null, new engineMessages.SetRootResourceResponse());
      },
    };
  }

  async #register(resource: Registration): Promise<MonitorMessages.RegisterResourceResponse> {
    const { isPreview, stateOf, provide } = this.#props;
    await provide?.(resource);
    const state = isPreview ? resource.inputs : { ...resource.inputs, ...stateOf?.(resource) };
    return new monitorMessages.RegisterResourceResponse()
      .setUrn(resource.urn)
      .setId(resource.isCustom && !isPreview ? `${resource.name}-id` : '')
      .setObject(Struct.fromJavaScript(state as Parameters<typeof Struct.fromJavaScript>[0]));
  }
}

function registrationOf(request: MonitorMessages.RegisterResourceRequest): Registration {
  const parent = request.getParent();
  const type = request.getType();
  const name = request.getName();
  return {
    urn: urnOf(parent, type, name),
    type,
    name,
    parent,
    isCustom: request.getCustom(),
    inputs: request.getObject()?.toJavaScript() ?? {},
    dependencies: request.getDependenciesList(),
    provider: request.getProvider(),
    ignoreChanges: request.getIgnorechangesList(),
    isProtected: request.getProtect() ?? false,
    isRetainedOnDelete: request.getRetainondelete() ?? false,
  };
}

/** As the engine forms it: with the types of all parents but the stack. */
function urnOf(parent: string, type: string, name: string): string {
  const parentType = parent.split('::')[2] ?? '';
  const types = parentType === '' || parentType.startsWith('pulumi:pulumi:Stack') ? type : `${parentType}$${type}`;
  return `urn:pulumi:${STACK}::${PROJECT}::${types}::${name}`;
}
