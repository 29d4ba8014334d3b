// The program that cdktf.json names: synthesizes the cluster of the working directory. The only place of the Swarm target that reads
// the environment: ASHLAR_IMAGE takes the place of the image in cdktf.json, which pipelines that build one need, and DOCKER_HOST that of
// managers which cdktf.json does not name.
import { join, relative } from 'node:path';
import { Docker } from '../docker.ts';
import { packageRoot } from '../local/program-files.ts';
import { swarmApp } from './app.ts';
import { SwarmError } from './errors.ts';
import { chooseManager } from './managers.ts';
import { openProject } from './project.ts';
import { readServices } from './swarm-facts.ts';

const LOCAL_ENGINE = 'unix:///var/run/docker.sock';

try {
  const directory = process.cwd();
  const project = openProject({ directory, image: process.env.ASHLAR_IMAGE || undefined });
  const dockerHost = (await chooseManager(project.settings.managers)) ?? (process.env.DOCKER_HOST || LOCAL_ENGINE);
  const app = swarmApp({
    project,
    // Without an engine there is nothing to deploy to either, but the stack can be looked at.
    running: await readServices(new Docker(dockerHost), project.plan.name).catch(() => null),
    dockerHost,
    ashlarCommand: `node ${relative(directory, join(packageRoot(), 'cli', 'bin.js'))}`,
    outdir: null,
  });
  app.synth();
} catch (error) {
  if (!(error instanceof Error && 'kind' in error)) throw error;
  console.error(`ashlar: ${error.message}`);
  process.exitCode = error instanceof SwarmError && error.kind === 'input' ? 2 : 1;
}
