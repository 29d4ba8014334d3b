#!/usr/bin/env node
// What npm links as `ashlar`. In the published package it loads the compiled command line; in the repository it runs the
// TypeScript one under the pinned Node when the user's own is older. It has to be understood by any Node, however old.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 24;
const fileAt = (path) => fileURLToPath(new URL(path, import.meta.url));
const sources = fileAt('main.ts');
const pinnedNode = fileAt('../node_modules/node/bin/node');
const isNewEnough = Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN;

if (isNewEnough) {
  await import(existsSync(sources) ? './main.ts' : '../dist/cli/main.js');
} else if (existsSync(sources) && existsSync(pinnedNode)) {
  handOver(pinnedNode, [sources, ...process.argv.slice(2)]);
} else {
  console.error(
    `ashlar: Node ${NODE_MAJOR_MIN} or newer is needed, and this is ${process.versions.node} (${process.execPath}).`,
  );
  process.exit(2);
}

function handOver(program, args) {
  const child = spawn(program, args, { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
