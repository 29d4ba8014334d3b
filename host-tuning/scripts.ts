// The scripts that run on a host: POSIX sh, from scripts/, each with what they have in common before it. They hold no values; those are
// in the host's table, which the doctor carries within itself, so that it runs alone on a host that has nothing of ours. Comments stay
// here: they are a fifth of the user-data when it is packed, and providers take little of that.
import { readFileSync } from 'node:fs';

const SHEBANG =
  '#!/bin/sh\n# Of Ashlar, whose sources have the comments (host-tuning/scripts); docs/host-tuning.md says what it does.\n';
/** Lines of nothing else; what shellcheck is told stays. */
const COMMENT = /^[ \t]*#(?! shellcheck ).*\n/gm;
const END_OF_TABLE = 'END_OF_TABLE';

export interface HostScripts {
  readonly libDrives: string;
  readonly libSettings: string;
  readonly drives: string;
  readonly tune: string;
  readonly doctorNetwork: string;
  readonly doctor: string;
}

/** Parts of this package: the same whenever they are read. */
export function readHostScripts(): HostScripts {
  const read = (name: string) =>
    readFileSync(new URL(`scripts/${name}.sh`, import.meta.url), 'utf8').replace(COMMENT, '');
  return {
    libDrives: read('lib-drives'),
    libSettings: read('lib-settings'),
    drives: read('drives'),
    tune: read('tune'),
    doctorNetwork: read('doctor-network'),
    doctor: read('doctor'),
  };
}

export function drivesScript({ libDrives, drives }: HostScripts): string {
  return `${SHEBANG}${libDrives}\n${drives}`;
}

export function tuneScript({ libDrives, libSettings, tune }: HostScripts): string {
  return `${SHEBANG}${libDrives}\n${libSettings}\n${tune}`;
}

/** table: hostTable(description). */
export function doctorScript({ libDrives, libSettings, doctorNetwork, doctor }: HostScripts, table: string): string {
  const own = `table=$(cat <<'${END_OF_TABLE}'\n${table}${END_OF_TABLE}\n)\n`;
  return `${SHEBANG}${libDrives}\n${libSettings}\n${own}\n${doctorNetwork}\n${doctor}`;
}
