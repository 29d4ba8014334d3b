// Runs a Pulumi program against the library's own stand-in for the engine, and collects what it registers: the code path of `pulumi up` up to
// the engine itself. As manifests they can go to a real API server, or be compared with what the renderer writes.
import pulumi from '@pulumi/pulumi';
import { type Manifest, type ManifestMetadata, ordered } from '../../stacks/kubernetes/manifest.ts';

export interface Registered {
  readonly type: string;
  readonly name: string;
  readonly inputs: Readonly<Record<string, unknown>>;
}

export interface CollectOptions {
  readonly preview?: boolean;
  /** What the engine adds to a resource once it is made, for instance the status of a service. */
  readonly stateOf?: (resource: Registered) => Record<string, unknown>;
  /** Told of each as it is registered. */
  readonly onRegister?: (resource: Registered) => void;
}

/** Resolves when everything that was registered is settled. The program's own result is in `result`. */
export async function collect<Result>(
  program: () => Result | Promise<Result>,
  { preview = false, stateOf, onRegister }: CollectOptions = {},
): Promise<{ readonly resources: readonly Registered[]; readonly result: Awaited<Result> }> {
  const resources: Registered[] = [];
  await pulumi.runtime.setMocks(
    {
      newResource: ({ type, name, inputs, custom }) => {
        const resource: Registered = { type, name, inputs: inputs as Record<string, unknown> };
        if (custom === true) resources.push(resource);
        onRegister?.(resource);
        return { id: custom === true ? `${name}-id` : '', state: { ...inputs, ...stateOf?.(resource) } };
      },
      call: ({ inputs }) => inputs as Record<string, unknown>,
    },
    'project',
    'stack',
    preview,
  );
  let result: Awaited<Result> | undefined;
  let failure: { readonly error: unknown } | null = null;
  await pulumi.runtime.runInPulumiStack(async () => {
    try {
      result = await program();
    } catch (error) {
      // Thrown on when all is settled: the library would reject promises of its own that nobody holds.
      failure = { error };
    }
    return {};
  });
  // Registration goes on in the background; this waits for the last of it.
  await pulumi.runtime.disconnect();
  if (failure !== null) throw (failure as { readonly error: unknown }).error;
  return { resources, result: result as Awaited<Result> };
}

/** The Kubernetes objects among them, without Pulumi's instructions to its own engine. */
export function manifestsOf(resources: readonly Registered[]): Manifest[] {
  return resources
    .filter(({ type }) => type.startsWith('kubernetes:'))
    .map(({ inputs }) => ordered(withoutInstructions(revealed(inputs) as Manifest)) as Manifest);
}

/** What is marked as a secret, as it is. */
export function revealed(value: unknown): unknown {
  if (pulumi.runtime.isRpcSecret(value)) return revealed(pulumi.runtime.unwrapRpcSecret(value));
  if (Array.isArray(value)) return value.map(revealed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, revealed(field)]));
}

function withoutInstructions(manifest: Manifest): Manifest {
  const { annotations, ...metadata } = manifest.metadata;
  const own = Object.entries(annotations ?? {}).filter(([key]) => !key.startsWith('pulumi.com/'));
  const kept: ManifestMetadata = own.length === 0 ? metadata : { ...metadata, annotations: Object.fromEntries(own) };
  return { ...manifest, metadata: kept };
}
