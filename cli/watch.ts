// What happens to a cluster while somebody looks on: compares one status with the next and says what has changed.
import type { LocalStatus } from '../stacks/local/local-status.ts';
import { healthText, reasons } from './status-text.ts';

export interface WatchProps {
  readonly look: () => Promise<LocalStatus>;
  readonly say: (line: string) => void;
  readonly intervalMs: number;
  readonly signal: AbortSignal;
}

/** Resolves 'interrupted' when the signal says so, 'stopped' when another command has stopped the whole cluster. */
export async function watchCluster(props: WatchProps): Promise<'interrupted' | 'stopped'> {
  let before = await props.look();
  while (!props.signal.aborted) {
    await pause(props.intervalMs, props.signal);
    if (props.signal.aborted) break;
    const now = await props.look();
    for (const line of changes(before, now)) props.say(line);
    if (healthText(now) === 'stopped' && now.endpointPid === null) return 'stopped';
    before = now;
  }
  return 'interrupted';
}

/** A line for each thing that is not as it was. */
export function changes(before: LocalStatus, now: LocalStatus): string[] {
  const lines: string[] = [];
  if (before.endpointPid !== null && now.endpointPid === null) lines.push('the endpoint stopped');
  if (before.endpointPid === null && now.endpointPid !== null) lines.push('the endpoint runs again');
  for (const node of now.nodes) {
    const was = before.nodes.find((candidate) => candidate.name === node.name);
    if (was === undefined) continue;
    if (was.pid !== null && node.pid === null) lines.push(`node ${node.name} (zone ${node.zone}) stopped`);
    else if (was.pid === null && node.pid !== null) lines.push(`node ${node.name} (zone ${node.zone}) started`);
    else if (was.pid !== node.pid) lines.push(`node ${node.name} (zone ${node.zone}) was started anew`);
    for (const { slot, condition } of node.drives) {
      const wasCondition = was.drives.find((drive) => drive.slot === slot)?.condition;
      if (wasCondition !== condition) lines.push(`drive ${slot} is ${condition}, was ${wasCondition}`);
    }
  }
  const [wasHealth, health] = [healthText(before), healthText(now)];
  if (wasHealth !== health) lines.push(`health: ${wasHealth} → ${health}${explanation(now)}`);
  return lines;
}

/** The first reason and how many more: the whole list is for `ashlar status`. */
function explanation(status: LocalStatus): string {
  const [first, ...more] = reasons(status);
  if (first === undefined) return '';
  return ` (${first}${more.length > 0 ? `, and ${more.length} more` : ''})`;
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const onAbort = () => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
