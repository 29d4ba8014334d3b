// `ashlar swarm …`: what a deploy to Docker Swarm needs beside cdktf. One subcommand per file in swarm/.
import type { CommandModule } from '../command.ts';
import { define as defineCheck } from './swarm/check.ts';
import { define as defineEnv } from './swarm/env.ts';
import { define as defineGate } from './swarm/gate.ts';
import { define as defineLabel } from './swarm/label.ts';
import { define as defineSecrets } from './swarm/secrets.ts';

export const define: CommandModule['define'] = (command, context) => {
  defineLabel(command.command('label').description('Give hosts the labels of their zone and node.'), context);
  defineSecrets(command.command('secrets').description('Make the secrets of the cluster, once.'), context);
  defineCheck(
    command.command('check').description('Say what is wrong with the Swarm before anything is deployed.'),
    context,
  );
  defineGate(command.command('gate').description('Wait until a zone may be touched; Terraform runs this.'), context);
  defineEnv(command.command('env').description('Print the exports that S3 clients need.'), context);
};
