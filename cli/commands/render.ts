// `ashlar render …`: writes what other programs read, from the plan of a spec. One subcommand per file in render/.
import type { CommandModule } from '../command.ts';
import { define as defineKubernetes } from './render/kubernetes.ts';
import { define as defineLoadBalancer } from './render/load-balancer.ts';
import { define as defineSwarm } from './render/swarm.ts';

export const define: CommandModule['define'] = (command, context) => {
  defineLoadBalancer(
    command.command('load-balancer').description('Write configurations of HAProxy and nginx in front of the cluster.'),
    context,
  );
  defineKubernetes(command.command('kubernetes').description('Write manifests for kubectl apply -k.'), context);
  defineSwarm(command.command('swarm').description('Write a stack file for docker stack deploy.'), context);
};
