// `ashlar render …`: writes what other programs read, from the plan of a spec. One subcommand per file in render/.
import type { CommandModule } from '../command.ts';
import { define as defineLoadBalancer } from './render/load-balancer.ts';

export const define: CommandModule['define'] = (command, context) => {
  defineLoadBalancer(
    command.command('load-balancer').description('Write configurations of HAProxy and nginx in front of the cluster.'),
    context,
  );
};
