// `ashlar testbed`: a real multi-host cluster on one Linux machine, to deploy to and to break: for trying out, for tests, for CI.
import type { CommandModule } from '../command.ts';
import { define as defineKubernetes } from './testbed/kubernetes.ts';
import { define as defineSwarm } from './testbed/swarm.ts';

export const define: CommandModule['define'] = (command, context) => {
  defineSwarm(command.command('swarm').description('A Docker Swarm.'), context);
  defineKubernetes(command.command('kubernetes').description('A Kubernetes.'), context);
};
