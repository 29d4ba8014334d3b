// Makes dist/, which is what gets published: compiled JavaScript with declarations, because Node refuses to run TypeScript
// under node_modules, and beside it the files that the code reads at run time. npm runs this before it packs.
import { spawnSync } from 'node:child_process';
import { cpSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, extname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const SOURCE_DIRECTORIES = ['spec', 'plan', 'stacks', 'host-tuning', 'node', 'cli'];
/** What npm links is published as it is; the Pulumi program of the repository is not published. */
const NOT_ASSETS = new Set(['cli/bin.js', 'cli/cdktf.js', 'stacks/kubernetes/main.js']);

rmSync(dist, { recursive: true, force: true });
compile();
copyAssets();
refuseTypeScriptPaths();

function compile() {
  const result = spawnSync(
    process.execPath,
    [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'scripts/tsconfig.build.json')],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (result.status !== 0) process.exit(1);
}

/** Whatever is no TypeScript in the source directories: JSON schemas, WASM, pages of the console. */
function copyAssets() {
  for (const directory of SOURCE_DIRECTORIES) {
    for (const path of filesUnder(join(root, directory))) {
      const name = relative(root, path);
      if (extname(path) !== '.ts' && !NOT_ASSETS.has(name)) cpSync(path, join(dist, name));
    }
  }
}

/**
 * The compiler rewrites imports, but not paths in strings: a worker started by './worker.ts' would work here and nowhere else.
 * Program paths go by the ending of import.meta.url (see stacks/local/program-files.ts).
 */
function refuseTypeScriptPaths() {
  let found = 0;
  for (const path of filesUnder(dist).filter((file) => file.endsWith('.js'))) {
    readFileSync(path, 'utf8')
      .split('\n')
      .forEach((line, index) => {
        const code = line.replace(/^\s*(\/\/|\*|\/\*).*/, '');
        if (!/[A-Za-z0-9_/-]\.ts['"`]/.test(code)) return;
        console.error(
          `${relative(root, path)}:${index + 1}: names a TypeScript file, which is not published: ${line.trim()}`,
        );
        found++;
      });
  }
  if (found > 0) process.exit(1);
}

function filesUnder(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
