// Temporary.
import { planOf } from './plan.ts';
import { simulateProgram } from './simulate.ts';
import { NodeProgram } from './zz-tmp-program.ts';

const plan = planOf(Number(process.argv[2]), { program: 'node' });
const report = await simulateProgram({ ...plan, program: 'node' }, 3_000_000, (s) => new NodeProgram(s));
for (const line of report.trace)
  if (/b2\/d1|life b2|b2 {3}/.test(line) && !/asks (cluster.ping|register|shard)|answers|net /.test(line))
    console.log(line.slice(0, 260));
for (const v of report.violations) console.log(v.text.slice(0, 300));
