// The command that Terraform runs between zones. Everything that it must know stands in it, so that a synthesized stack can be
// applied where neither the spec nor cdktf is. Pure.
import type { SwarmSettings } from './settings.ts';
import type { RolloutStep, SwarmStack } from './swarm-stack.ts';
import { literal, shellWord } from './terraform-text.ts';

export interface GateCommand {
  /** What runs `ashlar swarm gate`; may be a token of Terraform. */
  readonly program: string;
  /** Docker host to ask which services there are; may be a token. */
  readonly dockerHost: string;
  /** From its working directory. */
  readonly secretFile: string;
  /** Working directory: where `npx ashlar` finds Ashlar. May be a token. */
  readonly directory: string;
}

export interface GateSettings {
  readonly settings: SwarmSettings;
  readonly gate: GateCommand;
}

export function gateCommand(
  stack: SwarmStack,
  step: RolloutStep,
  target: { readonly zone: string } | { readonly node: string },
  { settings, gate }: GateSettings,
): string {
  const [kind, name] = Object.entries(target)[0] as [string, string];
  const words = [
    ...[`--${kind}`, name],
    ...['--cluster', stack.cluster],
    ...['--nodes', String(stack.services.filter(({ labels }) => labels['ashlar.node'] !== undefined).length)],
    ...step.services.flatMap((service) => ['--service', service]),
    ...['--secret-file', gate.secretFile],
    ...stack.gateEndpoints.flatMap((endpoint) => ['--endpoint', endpoint]),
    ...['--timeout', settings.gate.timeout],
  ];
  return `${gate.program} --docker-host "${gate.dockerHost}" ${words.map((word) => literal(shellWord(word))).join(' ')}`;
}
