// One script that brings a running host to what its spec says: after a drive was replaced, or a setting changed. It writes the same
// files as cloud-init at the first boot and puts them in force; the network it only writes, because whoever changes that over the
// network wants to say when.

import type { HostFile } from './host-file.ts';
import { START_SCRIPT } from './host-files.ts';

const END = 'END_OF_FILE';

export function applyScript(host: string, files: readonly HostFile[]): string {
  const parts = files.map(({ path, mode, text }) => {
    if (text.split('\n').includes(END)) throw new Error(`${path} has a line ${END}`);
    return `put ${mode} '${path}' <<'${END}'\n${text}${text.endsWith('\n') ? '' : '\n'}${END}\n`;
  });
  return `#!/bin/sh
# Brings host ${host} to what its spec says: sudo sh apply.sh. It formats a drive only when that is named and blank. Network files
# are written, and hold from the next boot on. A file of somebody else's is kept beside ours, as FILE.before-ashlar.
set -eu

if [ "$(id -u)" -ne 0 ]; then
  echo 'apply.sh: run it as root' >&2
  exit 2
fi
if [ "$(uname -n | cut -d . -f 1)" != '${host}' ]; then
  echo "apply.sh: this is $(uname -n), and the files are for ${host}" >&2
  exit 2
fi

put() {
  mkdir -p "$(dirname "$2")"
  cat >"$2.new"
  chmod "$1" "$2.new"
  if [ -e "$2" ] && [ ! -e /etc/ashlar/host.conf ] && [ ! -e "$2.before-ashlar" ]; then cp -p "$2" "$2.before-ashlar"; fi
  mv "$2.new" "$2"
}

# The table of the host comes last: until it is there, this has not been done to its end.
${parts.join('')}exec /bin/sh ${START_SCRIPT}
`;
}
