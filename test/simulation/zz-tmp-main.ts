// Temporary.
import { planOf } from './plan.ts';
import { simulateProgram } from './simulate.ts';
import { NodeProgram } from './zz-tmp-program.ts';

const [from, to] = process.argv.slice(2).map(Number);
let operations = 0;
for (let seed = from!; seed < to!; seed++) {
  const plan = planOf(seed, { program: 'node' });
  const report = await simulateProgram({ ...plan, program: 'node' }, 400, (s) => new NodeProgram(s));
  operations += report.operations;
  if (report.violations.length > 0)
    console.log(seed, JSON.stringify(report.violations).slice(0, 1500), plan.faults.join());
}
console.log('done', from, to, operations);
