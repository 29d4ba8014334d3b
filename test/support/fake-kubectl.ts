// A kubectl on the PATH of a program under test: files in a directory are the StatefulSets and pods that there are, and a pod that is taken
// down comes back as the file that waits for its name. A shell script, because a test starts it dozens of times.
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { KubernetesStack } from '../../stacks/kubernetes/describe.ts';
import type { Manifest } from '../../stacks/kubernetes/manifest.ts';

const SCRIPT = `#!/bin/sh
cd "$FAKE_KUBERNETES" || exit 1
take_down() {
  echo "$1 $2" >> events
  mv "next/$2" "pods/$2"
}
case " $* " in
  *" get statefulsets,pods "*)
    printf '{"items":['
    separator=
    for file in sets/* pods/*; do
      [ -e "$file" ] || continue
      printf %s "$separator"
      cat "$file"
      separator=,
    done
    printf ']}' ;;
  *" port-forward "*)
    echo "Forwarding from 127.0.0.1:$FAKE_GATE_PORT -> 9000"
    exec sleep 60 ;;
  *" create --raw "*)
    cat > /dev/null
    for word; do case $word in */eviction) pod=\${word%/eviction}; take_down evict "\${pod##*/}" ;; esac; done ;;
  *" delete pod "*) take_down delete "$5" ;;
  *) echo "no answer to $*" >&2; exit 1 ;;
esac
`;

export interface FakeKubectlPod {
  readonly revision: string;
  /** Why it does not start; null: it is ready. */
  readonly problem: string | null;
}

export class FakeKubectl {
  readonly #directory: string;
  readonly #gate: Server;

  /** In an empty directory that exists. The gate says yes to whatever it is asked. */
  static async in(directory: string): Promise<FakeKubectl> {
    const gate = createServer((request, response) => {
      const { searchParams } = new URL(request.url!, 'http://gate');
      fake.note(`gate ${searchParams.get('node')}`);
      response.setHeader('content-type', 'application/json').end('{"ok":true}');
    });
    const fake = new FakeKubectl(directory, gate);
    for (const part of ['bin', 'sets', 'pods', 'next']) mkdirSync(join(directory, part));
    writeFileSync(join(directory, 'events'), '');
    writeFileSync(join(directory, 'bin/kubectl'), SCRIPT, { mode: 0o755 });
    await new Promise<void>((resolve) => gate.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  private constructor(directory: string, gate: Server) {
    this.#directory = directory;
    this.#gate = gate;
  }

  /** What a program needs to find it. */
  get environment(): Record<string, string> {
    const { port } = this.#gate.address() as AddressInfo;
    return {
      PATH: `${join(this.#directory, 'bin')}:/usr/bin:/bin`,
      FAKE_KUBERNETES: this.#directory,
      FAKE_GATE_PORT: String(port),
    };
  }

  /** What happened, in its order. */
  get events(): string[] {
    return readFileSync(join(this.#directory, 'events'), 'utf8').trimEnd().split('\n');
  }

  note(event: string): void {
    appendFileSync(join(this.#directory, 'events'), `${event}\n`);
  }

  /** A StatefulSet of this manifest is there, and this is what its pods should be. */
  apply(manifest: Manifest, revision: string): void {
    const status = { observedGeneration: 1, updateRevision: revision };
    const set = { ...manifest, metadata: { ...manifest.metadata, generation: 1 }, status };
    writeFileSync(join(this.#directory, 'sets', manifest.metadata.name), JSON.stringify(set));
  }

  /** Pods of the stack that are there. */
  run(stack: Pick<KubernetesStack, 'zones'>, pod: FakeKubectlPod): void {
    this.#write('pods', stack.zones, pod);
  }

  /** What pods of a zone come back as. */
  comeBack(stack: Pick<KubernetesStack, 'zones'>, statefulSet: string, pod: FakeKubectlPod): void {
    this.#write(
      'next',
      stack.zones.filter((zone) => zone.statefulSet === statefulSet),
      pod,
    );
  }

  close(): void {
    this.#gate.close();
  }

  #write(part: 'pods' | 'next', zones: KubernetesStack['zones'], { revision, problem }: FakeKubectlPod): void {
    for (const { pod: name } of zones.flatMap(({ pods }) => pods)) {
      const pod = {
        kind: 'Pod',
        metadata: { name, uid: `${name}-${revision}`, labels: { 'controller-revision-hash': revision } },
        status: {
          conditions: [{ type: 'Ready', status: problem === null ? 'True' : 'False' }],
          containerStatuses: [
            problem === null ? { started: true } : { started: false, state: { waiting: { reason: problem } } },
          ],
        },
      };
      writeFileSync(join(this.#directory, part, name), JSON.stringify(pod));
    }
  }
}
