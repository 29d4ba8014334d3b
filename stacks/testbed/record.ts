// Which testbeds there are on this machine: each has a directory, and in it the file that says what shape it is of.
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { TestbedError } from './errors.ts';
import { TESTBEDS_DIRECTORY, type TestbedKind, type TestbedShape, testbedLayout } from './layout.ts';

const SHAPE = z.object({
  kind: z.enum(['swarm', 'kubernetes']),
  name: z.string(),
  hostCount: z.number(),
  zoneCount: z.number(),
});
const SHAPE_FILE = 'testbed.json';

/** Of all testbeds on this machine. */
export function testbedNames(): string[] {
  return existsSync(TESTBEDS_DIRECTORY) ? readdirSync(TESTBEDS_DIRECTORY).sort() : [];
}

/** Throws TestbedError when there is none of that name and kind. */
export function findShape(kind: TestbedKind, name: string): TestbedShape {
  const shape = readShape(name);
  if (shape?.kind === kind) return shape;
  const others = testbedNames().filter((other) => readShape(other)?.kind === kind);
  const known =
    others.length === 0 ? `"ashlar testbed ${kind} up" makes one` : `there are ${others.join(', ')} (--name)`;
  throw new TestbedError('input', `there is no ${kind} testbed ${name}; ${known}`);
}

/** Throws TestbedError when there is one of that name and another shape. */
export function rememberShape(shape: TestbedShape): void {
  const { directory } = testbedLayout(shape);
  const found = readShape(shape.name);
  if (found !== null) {
    if (found.kind === shape.kind && found.hostCount === shape.hostCount && found.zoneCount === shape.zoneCount) return;
    const what = `there is a ${found.kind} testbed ${shape.name} already, with ${found.hostCount} hosts in ${found.zoneCount} zones`;
    throw new TestbedError('input', `${what}; take it down first, or give the new one another --name`);
  }
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  const file = join(directory, SHAPE_FILE);
  writeFileSync(`${file}.new`, `${JSON.stringify(shape)}\n`);
  renameSync(`${file}.new`, file);
}

/** All files of the testbed. Its shape goes last: as long as anything is left, it can be taken down again. */
export function forgetShape({ name }: TestbedShape): void {
  const directory = join(TESTBEDS_DIRECTORY, name);
  for (const entry of readdirSync(directory)) {
    if (entry !== SHAPE_FILE) rmSync(join(directory, entry), { recursive: true, force: true });
  }
  rmSync(directory, { recursive: true });
  if (readdirSync(TESTBEDS_DIRECTORY).length === 0) rmdirSync(TESTBEDS_DIRECTORY);
}

function readShape(name: string): TestbedShape | null {
  const file = join(TESTBEDS_DIRECTORY, name, SHAPE_FILE);
  return existsSync(file) ? SHAPE.parse(JSON.parse(readFileSync(file, 'utf8'))) : null;
}
