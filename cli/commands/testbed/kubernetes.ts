// `ashlar testbed kubernetes`: a Kubernetes of several hosts.
import { chownSync } from 'node:fs';
import {
  bringUpKubernetes,
  type KubernetesStatus,
  killKubernetesHost,
  kubernetesClientCommand,
  kubernetesStatus,
  loadImage,
  reviveKubernetesHost,
  takeDownKubernetes,
} from '../../../stacks/testbed/kubernetes/testbed.ts';
import { jsonOption } from '../../cluster-options.ts';
import type { CommandContext, CommandModule } from '../../command.ts';
import { tableLines } from '../../table.ts';
import { named, type ShapeOptions, shapeOf, type TestbedOptions, withShape } from './options.ts';
import { runHere } from './run-here.ts';

const HELP = `
Every host is a set of namespaces with a containerd and a kubelet, a zone (topology.kubernetes.io/zone) and its own disks
at /mnt/d1 … /mnt/d4, which are volumes of the default storage class. The first "up" builds Kubernetes from its source
with Go (some ten minutes, once). Needs root, kubectl, and Debian's containerd, etcd-server and
containernetworking-plugins; says what is missing. Of the machine's own network it takes one port on the loopback, for
the API server; pods and node ports are reached through "exec", or kubectl port-forward.

Exit code: 0 done (status: all is on), 1 it failed (status: something is off), 2 bad input, or something is missing.

Examples:
  sudo ashlar testbed kubernetes up
  eval "$(sudo ashlar testbed kubernetes env)"            KUBECONFIG
  sudo ashlar testbed kubernetes load ashlar.tar          as "docker save" writes it; prints its name for manifests
  sudo ashlar testbed kubernetes exec -- curl http://10.77.0.11:30900/_ashlar/health/ready
  sudo ashlar testbed kubernetes kill-host h2
  sudo ashlar testbed kubernetes down`;

const DEFAULT_NAME = 'kubernetes';

export const define: CommandModule['define'] = (parent, context) => {
  parent.addHelpText('after', HELP);
  const command = (name: string, description: string) => named(parent, DEFAULT_NAME, name, description);
  withShape(command('up', 'Make it, or repair it.'))
    .addOption(jsonOption())
    .action(async (options: ShapeOptions) => {
      const status = await bringUpKubernetes(shapeOf(options), (step) => context.note(`${step} …`));
      const { sudoUser } = context;
      if (sudoUser !== null) chownSync(status.layout.kubeconfig, sudoUser.uid, sudoUser.gid);
      tellStatus(context, status, options.json === true);
    });
  command('status', 'Show what is on.')
    .addOption(jsonOption())
    .action(async ({ name, json }: TestbedOptions) => tellStatus(context, await kubernetesStatus(name), json === true));
  command('env', 'Print KUBECONFIG for a shell.').action(async ({ name }: TestbedOptions) => {
    const { layout } = await kubernetesStatus(name);
    context.print(`export KUBECONFIG=${layout.kubeconfig}`);
  });
  command('load', 'Bring an image to all hosts.')
    .argument('<archive>', 'as "docker save" or "ashlar image save" writes it')
    .action(async (archive: string, { name }: TestbedOptions) => context.print(await loadImage(name, archive)));
  command('down', 'Remove everything that it made.').action(async ({ name }: TestbedOptions) => {
    await takeDownKubernetes(name);
    context.print(`Testbed ${name} is gone.`);
  });
  command('kill-host', 'Turn a host off, as by pulling its plug.')
    .argument('<host>', 'for instance h2')
    .action(async (host: string, { name }: TestbedOptions) => {
      await killKubernetesHost(name, host);
      context.print(`Host ${host} is off; its disks stay as they are.`);
    });
  command('revive-host', 'Turn it on again.')
    .argument('<host>', 'for instance h2')
    .action(async (host: string, { name }: TestbedOptions) => {
      await reviveKubernetesHost(name, host);
      context.print(`Host ${host} is on.`);
    });
  command('exec', 'Run a command where the clients of the testbed are.')
    .argument('<command...>', 'after --')
    .action(async (words: string[], { name }: TestbedOptions) => {
      if ((await runHere([...kubernetesClientCommand(name), ...words])) !== 0) context.setExitCode(1);
    });
};

function tellStatus(context: CommandContext, status: KubernetesStatus, json: boolean): void {
  context.print(json ? statusJson(status) : statusText(status));
  const isWhole = status.off.length === 0 && status.hosts.every(({ isOn, state }) => isOn && state === 'ready');
  if (!isWhole) context.setExitCode(1);
}

function statusText({ layout, hosts, off }: KubernetesStatus): string {
  const columns = ['host', 'zone', 'address', 'host is', 'node is'].map((title) => ({ title }));
  const rows = hosts.map(({ host, isOn, state }) => [
    host.name,
    host.zone,
    host.address,
    isOn ? 'on' : 'off',
    state ?? '?',
  ]);
  return [
    ...tableLines(columns, rows),
    '',
    `control plane: ${off.length === 0 ? 'on' : `off are ${off.join(', ')}`}`,
    `export KUBECONFIG=${layout.kubeconfig}`,
  ].join('\n');
}

/** For programs: what a stack needs to deploy to it. */
function statusJson({ layout, hosts, off }: KubernetesStatus): string {
  const { name, kubeconfig, client } = layout;
  return JSON.stringify(
    {
      ...{ name, kubeconfig, clientNamespace: client.namespace, off },
      hosts: hosts.map(({ host, isOn, state }) => ({
        ...{ name: host.name, zone: host.zone, address: host.address, isOn, state },
      })),
    },
    null,
    2,
  );
}
