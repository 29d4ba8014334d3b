# What the scripts of a host have in common: reading its table, and finding its drives. POSIX sh.
# $root stands before every path; it is empty on a real host. $table holds the records; host-table.ts says what they mean.

tab=$(printf '\t')

# records KIND: the fields behind the kind, a record to a line.
records() {
  printf '%s\n' "$table" | sed -n "s/^$1$tab//p"
}

# devices_with BY ID: the whole drives that have this serial, world-wide name or name under /dev/disk/by-id.
devices_with() {
  if [ "$1" = id ]; then
    if [ -e "$root/dev/disk/by-id/$2" ]; then readlink -f "$root/dev/disk/by-id/$2"; fi
    return 0
  fi
  column=SERIAL
  if [ "$1" = wwn ]; then column=WWN; fi
  lsblk --nodeps --paths --pairs --output "NAME,$column" |
    awk -F '"' -v id="$2" '{ gsub(/^ +| +$/, "", $4); if ($4 == id) print $2 }'
}

# mounted_at DIRECTORY: "ROOT TYPE SOURCE OPTIONS" of what is mounted there, nothing when nothing is (proc(5), mountinfo).
mounted_at() {
  awk -v at="$1" '$5 == at {
    for (i = 7; i <= NF && $i != "-"; i++);
    found = $4 " " $(i + 1) " " $(i + 2) " " $6
  } END { if (found != "") print found }' "$root/proc/self/mountinfo"
}
