#!/bin/sh
# What stands around the host in a rack, in a network namespace of the same guest: the switch's end of its two links (an LACP bond of
# the cards that QEMU connects with its ports), the other storage host, and a time server. The host knows nothing of it.
set -eu

# card MAC: what the kernel calls it now.
card() {
  for net in /sys/class/net/*; do
    if [ -e "$net/device" ] && [ "$(cat "$net/address")" = "$1" ]; then basename "$net"; fi
  done
}

ip netns add rack
ip -n rack link set lo up
ip -n rack link add bond1 type bond mode 802.3ad lacp_rate fast miimon 100 xmit_hash_policy layer3+4
for port in 0 1; do
  name=
  while [ -z "$name" ]; do
    name=$(card "52:54:00:00:02:1$port")
    if [ -z "$name" ]; then sleep 0.2; fi
  done
  ip link set "$name" netns rack name "switch$port"
  ip -n rack link set "switch$port" mtu 9000 master bond1
done
ip -n rack link set bond1 mtu 9000 up
ip -n rack link add link bond1 name storage type vlan id 20
ip -n rack link add link bond1 name clients type vlan id 30
ip -n rack address add 10.0.1.12/24 dev storage
ip -n rack address add 10.1.1.12/24 dev clients
ip -n rack link set storage mtu 9000 up
ip -n rack link set clients mtu 1500 up
# -x: the clock is that of the guest, and the host's own to set.
exec ip netns exec rack chronyd -d -x -f /etc/rack-chrony.conf
