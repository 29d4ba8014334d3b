// `ashlar kubernetes …`: what a deploy to Kubernetes needs beside Pulumi or kubectl. One subcommand per file in kubernetes/.
import type { CommandModule } from '../command.ts';
import { define as defineCheck } from './kubernetes/check.ts';
import { define as defineEnv } from './kubernetes/env.ts';
import { define as defineGate } from './kubernetes/gate.ts';
import { define as defineGrow } from './kubernetes/grow.ts';
import { define as defineRoll } from './kubernetes/roll.ts';
import { define as defineSecrets } from './kubernetes/secrets.ts';

export const define: CommandModule['define'] = (command, context) => {
  defineSecrets(command.command('secrets').description('Make the secrets of the cluster, once.'), context);
  defineCheck(
    command.command('check').description('Say what is wrong with the Kubernetes before anything is deployed.'),
    context,
  );
  defineRoll(
    command
      .command('roll')
      .description('Replace the pods that are not as they should be, one by one, through the gate.'),
    context,
  );
  defineGate(command.command('gate').description('Say whether a node or zone may be taken down.'), context);
  defineGrow(command.command('grow').description('Grow the volumes to the size that the settings say.'), context);
  defineEnv(command.command('env').description('Print the exports that S3 clients need.'), context);
};
