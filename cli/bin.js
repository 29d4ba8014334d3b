#!/usr/bin/env node
// What npm links as `ashlar`. In the published package it loads the compiled command line; in the repository it runs the
// TypeScript one, like every program there: under the pinned Node, after installing what is missing. It has to be understood
// by any Node, however old.
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const NODE_MAJOR_MIN = 24;
const isRepository = existsSync(fileURLToPath(new URL('main.ts', import.meta.url)));

if (isRepository) {
  process.argv.splice(2, 0, 'cli/main.ts');
  await import('../scripts/run.mjs');
} else if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR_MIN) {
  await import('../dist/cli/main.js');
} else {
  console.error(
    `ashlar: Node ${NODE_MAJOR_MIN} or newer is needed, and this is ${process.versions.node} (${process.execPath}).`,
  );
  process.exit(2);
}
