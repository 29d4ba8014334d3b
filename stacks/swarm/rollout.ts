// In which order the services of a cluster are touched, and when the question before a step is asked again. Pure.
import { createHash } from 'node:crypto';
import type { Plan, PlanNode } from '../../plan/plan.ts';
import { balancerServiceName } from './balancer-service.ts';
import type { SwarmSettings } from './settings.ts';
import { serviceNameOf, sorted } from './storage-service.ts';
import type { RunningService } from './swarm-facts.ts';
import type { RolloutStep, SwarmService, SwarmStack } from './swarm-stack.ts';

/** Of a service: its own fingerprint, by which a running one is known to be as it should be. */
const FINGERPRINT_LABEL = 'ashlar.fingerprint';
/** Of a service: which version of it, another one, ran when this one was described. */
const BEFORE_LABEL = 'ashlar.before';

type Parts = Pick<SwarmStack, 'network' | 'secrets' | 'configs' | 'services'>;
type Step = Omit<RolloutStep, 'trigger'>;

/**
 * The steps, and the services with the labels that make the trigger of a step do what it should. A fingerprint alone would not: when
 * the gate has said yes and the update failed, the same deploy tried again has the same fingerprint, and would touch the zone unasked.
 * So the trigger holds as well which version of the service is to be replaced. Swarm counts a rollback as a version, so that
 * is another one at the second try; and what was replaced stays on the service as a label, so that nothing changes once it runs.
 */
export function rolloutOf(
  plan: Plan,
  settings: SwarmSettings,
  parts: Parts,
  running: readonly RunningService[],
): { readonly services: readonly SwarmService[]; readonly rollout: readonly RolloutStep[] } {
  const labelled = new Map<string, SwarmService>();
  const rollout = stepsOf(plan, settings).map((step): RolloutStep => {
    const own = parts.services.filter(({ name }) => step.services.includes(name));
    const triggers = own.map((service) => {
      const fingerprint = fingerprintOf(service, parts);
      if (step.gate === null) return fingerprint;
      const before = beforeOf(
        running.find(({ name }) => name === service.name),
        fingerprint,
      );
      labelled.set(service.name, withLabels(service, fingerprint, before));
      return `${fingerprint} ${before}`;
    });
    return { ...step, trigger: digest(triggers) };
  });
  return { services: parts.services.map((service) => labelled.get(service.name) ?? service), rollout };
}

function withLabels(service: SwarmService, fingerprint: string, before: string): SwarmService {
  const labels: Record<string, string> = { ...service.labels, [FINGERPRINT_LABEL]: fingerprint };
  if (before !== '') labels[BEFORE_LABEL] = before;
  return { ...service, labels: sorted(labels) };
}

/** '' for a service that is new, or was when it was made what it is. */
function beforeOf(running: RunningService | undefined, fingerprint: string): string {
  if (running === undefined) return '';
  return running.labels[FINGERPRINT_LABEL] === fingerprint
    ? (running.labels[BEFORE_LABEL] ?? '')
    : String(running.version);
}

/** What the plan says may be lost at once may be restarted at once, and nothing more. */
function stepsOf(plan: Plan, settings: SwarmSettings): Step[] {
  // The gate is the storage node's own; other engines have none, so they go one node at a time.
  const isGated = plan.engine === 'ashlar' && plan.survive !== 'drive';
  const byZone = isGated && plan.survive === 'zone';
  const service = ({ name }: PlanNode) => serviceNameOf(plan.name, name);
  const storage = byZone
    ? plan.zones.map((zone) => ({
        name: `zone-${zone}`,
        services: plan.nodes.filter((node) => node.zone === zone).map(service),
        gate: { zone },
      }))
    : plan.nodes.map((node) => ({
        name: `node-${node.name}`,
        services: [service(node)],
        gate: isGated ? { node: node.name } : null,
      }));
  if (settings.balancer === null) return storage;
  const balancing = plan.zones.map((zone) => ({
    name: `balancer-${zone}`,
    services: [balancerServiceName(plan.name, zone)],
    gate: null,
  }));
  return [...storage, ...balancing];
}

/** Of all that a change of which restarts the service. */
function fingerprintOf(service: SwarmService, { secrets, network }: Parts): string {
  const mounted = secrets
    .filter(({ file }) => service.secrets.includes(file))
    .map(({ file, name, source }) => [file, name, source.kind === 'external' ? source.id : null]);
  return digest([service, mounted, network]);
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
