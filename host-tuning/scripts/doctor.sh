# Says of everything in the table of this host what was wanted, what was found, and how to mend it. It changes nothing. Exit code:
# 0 everything is as wanted, 1 something is not (or could not be seen), 2 it was called wrongly.

usage() {
  echo "usage: ashlar-doctor [--json] [--no-peers] [--measure] [--root DIR]" >&2
  exit 2
}

root=
json=0
peers=1
measure=0
while [ $# -gt 0 ]; do
  case $1 in
    --json) json=1 ;;
    --no-peers) peers=0 ;;
    --measure) measure=1 ;;
    --root)
      if [ $# -lt 2 ]; then usage; fi
      root=$2
      shift
      ;;
    *) usage ;;
  esac
  shift
done

# result VERDICT WHAT WANTED FOUND MEND. Verdicts: ok; bad; absent (the host has no such thing, which is right so); unknown.
result() {
  printf '%s\t%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "${4:-nothing}" "$5"
}

# same WHAT WANTED FOUND MEND
same() {
  if [ "$2" = "$3" ]; then result ok "$1" "$2" "$3" "$4"; else result bad "$1" "$2" "$3" "$4"; fi
}

# content FILE: its words with one blank between them. In a subshell, so that words are never taken for patterns. With cat, because
# "read" takes one byte at a time, and files of /proc/sys give no second one.
content() (
  set -f
  # shellcheck disable=SC2046 # words
  set -- $(cat "$1" 2>/dev/null)
  echo "$*"
)

# distinct FILE…: what they contain, each value once.
distinct() {
  cat "$@" 2>/dev/null | sort -u | tr '\n' ' ' | sed 's/ *$//'
}

# chosen FILE: "none" of "[none] mq-deadline", else all of it.
chosen() {
  content "$1" | sed 's/.*\[\([^]]*\)\].*/\1/'
}

have() {
  command -v "$1" >/dev/null 2>&1
}

TUNE='systemctl restart ashlar-tune.service; something else may set it, too'

# slashed ID: "vm.swappiness" as "vm/swappiness"; without a program, because there are many.
slashed() (
  IFS=.
  # shellcheck disable=SC2086 # split at the dots
  set -- $1
  IFS=/
  echo "$*"
)

check_sysctl() {
  settings sysctl | while IFS=$tab read -r id wanted; do
    file=$root/proc/sys/$(slashed "$id")
    case $wanted in *'ram '*) wanted=$(value_of "$wanted") ;; esac
    if [ ! -e "$file" ] && [ "$id" = kernel.numa_balancing ]; then
      result absent "$id" "$wanted" 'this kernel has no NUMA balancing' -
    elif [ ! -e "$file" ]; then
      result bad "$id" "$wanted" 'there is no such key' 'systemctl restart systemd-modules-load.service ashlar-tune.service'
    else
      same "$id" "$wanted" "$(content "$file")" "sysctl --system; grep -r $id /etc/sysctl.conf /etc/sysctl.d shows who else sets it"
    fi
  done
}

check_system() {
  settings hugepages | while IFS=$tab read -r id wanted; do
    file=$root/sys/kernel/mm/transparent_hugepage/enabled
    if [ -e "$file" ]; then same "$id" "$wanted" "$(chosen "$file")" "$TUNE"; else result absent "$id" "$wanted" 'this kernel has none' -; fi
  done
  settings governor | while IFS=$tab read -r id wanted; do
    found=$(distinct "$root"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor)
    if [ -z "$found" ]; then
      result absent "$id" "$wanted" 'the processors have no governor' -
    else
      same "$id" "$wanted" "$found" "$TUNE"
    fi
  done
  settings service | while IFS=$tab read -r id _; do
    service=${id#service.}.service
    if have systemctl; then
      state=$(systemctl is-active "$service" 2>/dev/null)
      if [ "$state" = active ]; then
        result bad "$id" off on "systemctl mask --now $service"
      else
        result ok "$id" off off -
      fi
    else
      result unknown "$id" off 'there is no systemctl' -
    fi
  done
}

check_engine() {
  case $(records runtime) in
    docker) engines=docker.service ;;
    kubernetes) engines='containerd.service kubelet.service' ;;
    *) return ;;
  esac
  for engine in $engines; do
    # The kubelet ends and begins again until its host has joined.
    if [ "$engine" != kubelet.service ]; then
      same "$engine" active "$(systemctl is-active "$engine" 2>/dev/null)" \
        "mend the drives first, which it waits for; then systemctl start $engine, and journalctl --unit $engine"
    fi
    settings limit | while IFS=$tab read -r id wanted; do
      same "$id of $engine" "$wanted" "$(systemctl show "$engine" --property LimitNOFILE --value 2>/dev/null)" \
        "systemctl daemon-reload; systemctl restart $engine"
    done
    case " $(systemctl show "$engine" --property After --value 2>/dev/null) " in
      *' ashlar-drives.target '*) result ok "start of $engine" 'after the drives' 'after the drives' - ;;
      *) result bad "start of $engine" 'after the drives' 'it does not wait for ashlar-drives.target' 'systemctl daemon-reload' ;;
    esac
  done
}

# check_drive NAME BY ID UUID DIRECTORY OWNER
check_drive() {
  devices=$(devices_with "$2" "$3")
  case $(printf '%s' "$devices" | grep -c .) in
    0)
      result bad "drive $1" "$2 $3" 'no such drive' 'plug it in; if it was replaced, write the new one into the spec and apply it'
      devices=
      ;;
    1) result ok "drive $1" "$2 $3" "$devices" - ;;
    *)
      result bad "drive $1" "$2 $3" "several: $(printf '%s' "$devices" | tr '\n' ' ')" 'take the copies out'
      devices=
      ;;
  esac
  check_mount "$@"
  if [ -n "$devices" ]; then check_device "$1" "$devices"; fi
}

check_mount() {
  mount=$(mounted_at "$5")
  what="mount $5"
  mend="systemctl start ashlar-drives.service ashlar-drives.target; journalctl -u ashlar-drives.service says why a drive was left alone"
  if [ -z "$mount" ]; then
    result bad "$what" "drive $1" 'nothing is mounted' "$mend"
    if have lsattr && lsattr -d "$root$5" 2>/dev/null | cut -d ' ' -f 1 | grep -q i; then
      result ok "guard of $5" immutable immutable -
    else
      result bad "guard of $5" immutable 'writes would end on the disk of the system' "chattr +i $5"
    fi
    return
  fi
  source=${mount#* * }
  source=${source%% *}
  case $mount in
    "/ xfs "*) ;;
    *)
      result bad "$what" "drive $1, all of an XFS" "$mount" "umount $5; $mend"
      return
      ;;
  esac
  if [ -n "$devices" ] && [ "$source" != "$devices" ]; then
    result bad "$what" "$devices (drive $1)" "$source: drives are swapped, or it is another file system" "umount $5; $mend"
    return
  fi
  if [ "$(readlink -f "$root/dev/disk/by-uuid/$4")" != "$(readlink -f "$source" || echo -)" ]; then
    result bad "$what" "the file system $4" "$source, which has another one" "umount $5; $mend"
    return
  fi
  result ok "$what" "drive $1" "$source" -
  case ",${mount##* }," in
    *,noatime,*) result ok "options of $5" noatime noatime - ;;
    *) result bad "options of $5" noatime "${mount##* }" "mount -o remount,noatime $5; who mounts it beside its unit?" ;;
  esac
  same "owner of $5" "$6" "$(stat -c %u "$root$5")" "chown $6:$6 $5"
  settings xfs | while IFS=$tab read -r id wanted; do
    same "$id of $5" "$wanted" "$(distinct "$root/sys/fs/xfs/${source##*/}"/error/metadata/*/max_retries)" "$TUNE"
  done
}

check_device() {
  block=$root/sys/block/${2##*/}
  settings queue | while IFS=$tab read -r id wanted; do
    case $id in
      io-scheduler) found=$(chosen "$block/queue/scheduler") ;;
      *) found=$(content "$block/queue/read_ahead_kb") ;;
    esac
    same "$id of drive $1" "$wanted" "$found" "$TUNE"
  done
  link=$block/device/device
  if [ -e "$link/max_link_speed" ]; then
    wanted="$(content "$link/max_link_speed") x$(content "$link/max_link_width")"
    found="$(content "$link/current_link_speed") x$(content "$link/current_link_width")"
    case $found in
      *Unknown* | *x0) result absent "speed of drive $1" "$wanted" 'the slot does not say' - ;;
      *) same "speed of drive $1" "$wanted" "$found" 'seat the drive anew; look at the slot and at the settings of the board' ;;
    esac
  fi
  if ! have smartctl; then
    result unknown "health of drive $1" PASSED 'there is no smartctl' 'install smartmontools'
    return
  fi
  found=$(smartctl -H "$2" | sed -n 's/^SMART.*[:] *\([A-Z!]*\)$/\1/p' | head -n 1)
  case $found in
    PASSED | OK) result ok "health of drive $1" PASSED "$found" - ;;
    '') result absent "health of drive $1" PASSED 'the drive does not say' - ;;
    *) result bad "health of drive $1" PASSED "$found" 'replace the drive' ;;
  esac
}

check_time() {
  if ! have chronyc; then
    result unknown time 'less than 0.1 s off' 'there is no chronyc' 'install chrony'
    return
  fi
  line=$(chronyc -c tracking 2>/dev/null)
  offset=$(printf '%s' "$line" | cut -d , -f 5)
  if [ "$(printf '%s' "$line" | cut -d , -f 14)" != Normal ]; then
    result bad time 'less than 0.1 s off' 'it follows no server' 'chronyc sources shows what it tries'
  elif awk -v offset="$offset" 'BEGIN { exit !(offset < 0.1 && offset > -0.1) }'; then
    result ok time 'less than 0.1 s off' "$offset s" -
  else
    result bad time 'less than 0.1 s off' "$offset s" 'chronyc makestep'
  fi
}

measure_all() {
  records drive | while IFS=$tab read -r name _ by id _ _ _; do
    device=$(devices_with "$by" "$id" | head -n 1)
    if [ -z "$device" ]; then continue; fi
    found=$(fio --readonly --name=read --filename="$device" --rw=read --bs=1M --direct=1 --ioengine=libaio --iodepth=16 \
      --runtime=10 --time_based 2>/dev/null | sed -n 's/^ *READ: bw=\([^ ]*\).*/\1/p')
    result measured "drive $name reads" - "${found:-fio failed}" -
  done
  records peer | while IFS=$tab read -r name address _; do
    found=$(iperf3 --client "$address" --time 5 --parallel 4 --format g 2>/dev/null | awk '/SUM.*receiver/ { print $6, $7 }')
    result measured "network to $name" - "${found:-iperf3 failed; \"iperf3 --server\" must run there}" -
  done
}

check_all() {
  records drive | while IFS=$tab read -r name _ by id uuid _ directory; do
    check_drive "$name" "$by" "$id" "$uuid" "$directory" "$(records host | cut -f 3)"
  done
  records bond | while IFS=$tab read -r name mtu rate monitor policy minimum members; do
    check_bond "$name" "$mtu" "$rate" "$monitor" "$policy" "$minimum" "$members"
    same "$name MTU" "$mtu" "$(content "$root/sys/class/net/$name/mtu")" "ip link set $name mtu $mtu, and look at what configures it"
  done
  records nic | while IFS=$tab read -r name mac mtu _; do check_nic "$name" "$mac" "$mtu"; done
  records link | while IFS=$tab read -r name mtu network addresses; do check_link "$name" "$mtu" "$network" "$addresses"; done
  if [ "$peers" -eq 1 ]; then
    records peer | while IFS=$tab read -r name address mtu; do check_peer "$name" "$address" "$mtu"; done
  fi
  check_time
  check_sysctl
  check_system
  check_engine
  if [ "$measure" -eq 1 ]; then measure_all; fi
}

as_json() {
  awk -F '\t' -v host="$1" '
    function quoted(text) { gsub(/\\/, "\\\\", text); gsub(/"/, "\\\"", text); gsub(/[\001-\037]/, " ", text); return "\"" text "\"" }
    { lines[NR] = "    {\"verdict\": " quoted($1) ", \"what\": " quoted($2) ", \"wanted\": " quoted($3) ", \"found\": " quoted($4) ", \"mend\": " ($5 == "-" ? "null" : quoted($5)) "}"
      if ($1 == "bad" || $1 == "unknown") wrong++ }
    END {
      printf "{\n  \"host\": %s,\n  \"ok\": %s,\n  \"checks\": [\n", quoted(host), wrong ? "false" : "true"
      for (i = 1; i <= NR; i++) print lines[i] (i < NR ? "," : "")
      print "  ]\n}" }'
}

as_text() {
  awk -F '\t' -v host="$1" '
    $1 == "ok" || $1 == "measured" || $1 == "absent" { printf "%-8s %s: %s\n", $1, $2, $4; good += $1 == "ok" }
    $1 == "bad" { printf "BAD      %s: wanted %s, found %s\n         %s\n", $2, $3, $4, $5; wrong++ }
    $1 == "unknown" { printf "UNKNOWN  %s: wanted %s, but %s\n         %s\n", $2, $3, $4, $5; wrong++ }
    END { printf "%s: %d as wanted, %d not.\n", host, good, wrong }'
}

host=$(records host | cut -f 1)
results=$(check_all)
if [ "$json" -eq 1 ]; then
  printf '%s\n' "$results" | as_json "$host"
else
  printf '%s\n' "$results" | as_text "$host"
fi
if printf '%s\n' "$results" | grep -q -e "^bad$tab" -e "^unknown$tab"; then exit 1; fi
exit 0
