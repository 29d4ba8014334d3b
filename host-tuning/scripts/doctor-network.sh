# The part of the doctor that looks at the network: bonds by what was said over LACP, cards, links, and the way to every other host.
# It reports through result and same (doctor.sh).

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
  if [ -n "$(settings queues)" ]; then
    pair=$(ethtool_pair -l "$nic" Combined)
    wanted=$(cpu_count)
    if [ -z "$pair" ]; then
      result absent "nic-queues of $1" "$wanted" 'the card has no queues to set' -
    else
      if [ "$wanted" -gt "${pair% *}" ]; then wanted=${pair% *}; fi
      same "nic-queues of $1" "$wanted" "${pair#* }" "$TUNE"
    fi
  fi
  if [ -n "$(settings irqs)" ]; then
    plan=$(irq_plan "$nic")
    wanted='each on a processor of its own'
    if [ -z "$plan" ]; then
      result absent "nic-irqs of $1" "$wanted" 'the card has no interrupts of its own, or the host only one processor' -
    else
      wrong=$(printf '%s\n' "$plan" | while read -r irq cpu; do
        found=$(content "$root/proc/irq/$irq/smp_affinity_list")
        if [ "$found" != "$cpu" ]; then printf '%s on %s ' "$irq" "${found:-nothing}"; fi
      done)
      same "nic-irqs of $1" "$wanted" "${wrong:-$wanted}" "$TUNE"
    fi
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
  if ! have ping; then
    result unknown "MTU to $1" "$3 all the way" 'there is no ping' 'install it'
    return
  fi
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
