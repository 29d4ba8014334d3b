// What the doctor found on one machine, for people: only what is not as it should be, and what was measured.
import type { DoctorReport } from '../../../host-tuning/doctor-call.ts';

export function reportText(report: DoctorReport): string {
  if ('error' in report) return `${report.host}: UNKNOWN: ${report.error}`;
  const wrong = report.checks.filter(({ verdict }) => verdict === 'bad' || verdict === 'unknown');
  const measured = report.checks.filter(({ verdict }) => verdict === 'measured');
  const good = report.checks.length - wrong.length - measured.length;
  return [
    `${report.host}: ${good} as wanted, ${wrong.length} not`,
    ...wrong.flatMap(({ verdict, what, wanted, found, mend }) => [
      `  ${verdict.toUpperCase()}  ${what}: wanted ${wanted}, found ${found}`,
      ...(mend === null ? [] : [`      ${mend}`]),
    ]),
    ...measured.map(({ what, found }) => `  ${what}: ${found}`),
  ].join('\n');
}
