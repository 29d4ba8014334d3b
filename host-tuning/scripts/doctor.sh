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
    same "speed of drive $1" "$wanted" "$found" 'seat the drive anew; look at the slot and at the settings of the board'
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

# bond_facts FILE: "KEY VALUE" of the bond, and "member NAME LINK SPEED DUPLEX AGGREGATOR ACTORSTATE PARTNERSTATE".
bond_facts() {
  awk '
    function flush() { if (member != "") print "member", member, link, speed, duplex, aggregator, actor, partner }
    /^Slave Interface: / { flush(); member = $3; link = speed = duplex = aggregator = actor = partner = "-" }
    member == "" && /^Bonding Mode: / { print "mode", /802\.3ad/ ? "802.3ad" : "other" }
    member == "" && /^Transmit Hash Policy: / { print "policy", $4 }
    member == "" && /^MII Polling Interval/ { print "monitor", $NF }
    member == "" && /^LACP rate: / { print "rate", $3 }
    member == "" && /^Min links: / { print "minimum", $3 }
    member == "" && /^[ \t]+Aggregator ID: / { print "active", $3 }
    member == "" && /^[ \t]+Number of ports: / { print "ports", $4 }
    member == "" && /^[ \t]+Partner Mac Address: / { print "partner", $4 }
    member != "" && /^MII Status: / { link = $3 }
    member != "" && /^Speed: / { speed = $2 }
    member != "" && /^Duplex: / { duplex = $2 }
    member != "" && /^Aggregator ID: / { aggregator = $3 }
    /^details actor lacp pdu:/ { side = "actor" }
    /^details partner lacp pdu:/ { side = "partner" }
    /^ +port state: / { if (side == "actor") actor = $3; else partner = $3 }
    END { flush() }' "$1"
}

fact() {
  printf '%s\n' "$facts" | sed -n "s/^$1 //p"
}

# check_bond NAME MTU RATE MONITOR POLICY MINIMUM MEMBERS
check_bond() {
  file=$root/proc/net/bonding/$1
  if [ ! -r "$file" ]; then
    result bad "$1" "a bond of $7" 'there is no such bond' 'look at the network configuration; is the module bonding there?'
    return
  fi
  facts=$(bond_facts "$file")
  same "$1 options" "802.3ad, LACP $3, miimon $4, $5, min-links $6" \
    "$(fact mode), LACP $(fact rate), miimon $(fact monitor), $(fact policy), min-links $(fact minimum)" \
    'apply the network configuration anew; some other file may describe the bond, too'
  count=$(printf '%s\n' "$7" | tr ',' '\n' | wc -l)
  switch='the two ports of the switch must be one LACP group, active and fast (over two switches: MLAG); look at cables and VLANs'
  case $(fact partner) in
    '') result unknown "$1 partner" 'a switch that answers' 'only root can see it' 'run it as root' ;;
    00:00:00:00:00:00) result bad "$1 partner" 'a switch that answers' 'nobody answers LACP, though the link is up' "$switch" ;;
    *) result ok "$1 partner" 'a switch that answers' "$(fact partner)" - ;;
  esac
  if [ -n "$(fact ports)" ]; then same "$1 ports" "$count" "$(fact ports)" "$switch"; fi
  same "$1 aggregators" 1 "$(fact member | cut -d ' ' -f 5 | sort -u | wc -l)" "$switch"
  for member in $(printf '%s' "$7" | tr ',' ' '); do
    line=$(fact member | grep "^$member " || member_by_mac "$member")
    if [ -z "$line" ]; then
      result bad "$1 member $member" 'in the bond' 'not in the bond' 'look at the network configuration, and at the MAC address in the spec'
      continue
    fi
    # shellcheck disable=SC2086 # eight words
    set_member $line
    same "$1 member $member link" 'up, full duplex' "$link, $duplex duplex" 'look at the cable, the module and the port of the switch'
    check_state "$1 member $member" "$3"
  done
  same "$1 member speeds" 1 "$(fact member | awk '$2 == "up" { print $3 }' | sort -u | wc -l)" 'use ports of one speed: LACP takes only equal ones into a group'
}

# member_by_mac NIC: the line of the member that has the MAC of this card, before udev has renamed it.
member_by_mac() {
  mac=$(records nic | awk -F '\t' -v name="$1" '$1 == name { print $2 }')
  current=$(nic_device "$1" "${mac:--}")
  if [ -n "$current" ]; then fact member | grep "^$current "; fi
}

set_member() {
  link=$2
  duplex=$4
  actor=$6
  partner=$7
}

# 63: active, short timeout, aggregated, in step, collecting, distributing; 61 with the long timeout.
check_state() {
  wanted=63
  if [ "$2" = slow ]; then wanted='61 or 63'; fi
  for side in actor partner; do
    if [ "$side" = actor ]; then found=$actor; else found=$partner; fi
    case $found in
      63) result ok "$1 LACP $side" "$wanted" 63 - ;;
      61) if [ "$2" = slow ]; then result ok "$1 LACP $side" "$wanted" 61 -; else
        result bad "$1 LACP $side" "$wanted" '61: LACP is slow there' 'set LACP to fast at the switch'
      fi ;;
      -) result unknown "$1 LACP $side" "$wanted" 'not to be seen' 'run it as root' ;;
      *) result bad "$1 LACP $side" "$wanted" "$found" 'the switch does not take this port into the group; look at its LACP' ;;
    esac
  done
}

# check_nic NAME MAC MTU
check_nic() {
  nic=$(nic_device "$1" "$2")
  if [ -z "$nic" ]; then
    result bad "nic $1" "$1, MAC $2" 'no such card' 'look at its name and its MAC address in the spec: ip link'
    return
  fi
  same "nic $1 name" "$1" "$nic" 'it is renamed at the next boot'
  same "nic $1 MTU" "$3" "$(content "$root/sys/class/net/$nic/mtu")" "ip link set $nic mtu $3, and look at what configures it"
  settings ring | while IFS=$tab read -r id wanted; do
    field=RX
    if [ "$id" = nic-tx-ring ]; then field=TX; fi
    pair=$(ethtool_pair -g "$nic" "$field")
    if [ -z "$pair" ]; then
      result absent "$id of $1" "$wanted" 'the card has no rings to set' -
    else
      ring=$(ring_wanted "$wanted" "${pair% *}")
      same "$id of $1" "${ring:-${pair#* }}" "${pair#* }" "$TUNE"
    fi
  done
  pair=$(ethtool_pair -l "$nic" Combined)
  if [ -n "$(settings queues)" ] && [ -n "$pair" ]; then
    wanted=$(cpu_count)
    if [ "$wanted" -gt "${pair% *}" ]; then wanted=${pair% *}; fi
    same "nic-queues of $1" "$wanted" "${pair#* }" "$TUNE"
  fi
  if [ -n "$(settings irqs)" ]; then
    wrong=$(irq_plan "$nic" | while read -r irq cpu; do
      found=$(content "$root/proc/irq/$irq/smp_affinity_list")
      if [ "$found" != "$cpu" ]; then printf '%s on %s ' "$irq" "${found:-nothing}"; fi
    done)
    same "nic-irqs of $1" 'each on a processor of its own' "${wrong:-each on a processor of its own}" "$TUNE"
  fi
}

# check_link NAME MTU NETWORK ADDRESSES
check_link() {
  if [ ! -e "$root/sys/class/net/$1" ]; then
    result bad "network $3" "link $1" 'there is no such link' 'apply the network configuration anew'
    return
  fi
  same "network $3 MTU" "$2" "$(content "$root/sys/class/net/$1/mtu")" "ip link set $1 mtu $2, and look at what configures it"
  if [ "$4" = - ]; then return; fi
  for address in $(printf '%s' "$4" | tr ',' ' '); do
    if ip -o address show dev "$1" | awk '{ print $4 }' | grep -qxF "$address"; then
      result ok "network $3 address" "$address" "$address" -
    else
      result bad "network $3 address" "$address" "$(ip -o address show dev "$1" | awk '{ printf "%s ", $4 }')" 'apply the network configuration anew'
    fi
  done
}

# check_peer NAME ADDRESS MTU: a frame of just the MTU arrives in one piece, and one byte more does not even leave.
check_peer() {
  header=28
  case $2 in *:*) header=48 ;; esac
  fits=$(($3 - header))
  if ! ping -q -n -c 1 -W 2 "$2" >/dev/null 2>&1; then
    result bad "peer $1" "$2 answers" 'it does not answer' 'is it up? Else look at VLAN and switch'
    return
  fi
  if ! ping -q -n -c 2 -i 0.3 -W 2 -M 'do' -s "$fits" "$2" >/dev/null 2>&1; then
    result bad "MTU to $1" "$3 all the way" "a packet of $3 bytes is lost, a small one is not" 'the switch needs MTU 9216, and the peer the MTU of the spec'
  elif ping -q -n -c 1 -W 2 -M 'do' -s "$((fits + 1))" "$2" >/dev/null 2>&1; then
    result bad "MTU to $1" "$3 all the way" 'larger packets pass' 'the MTU here is larger than the spec says: apply the network configuration anew'
  else
    result ok "MTU to $1" "$3 all the way" "$3" -
  fi
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
