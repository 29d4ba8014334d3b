#!/bin/sh
# What runs on a host of a Kubernetes testbed: containerd, the kubelet and the proxy for services, each started again when it ends.
# usage: worker.sh CONFIG OWN CGROUP SERVER SOCKET ROOT ADDRESS LABELS
#   CONFIG: a directory with the files of all three; OWN: one for what they keep below /var, where the machine has its own
set -eu
config=$1
own=$2
cgroup=$3
server=$4
socket=$5
root=$6
address=$7
labels=$8

echo 1 >/proc/sys/net/ipv4/ip_forward
for place in lib/kubelet lib/cni log; do
  mkdir -p "/var/$place" "$own/$place"
  mount --bind "$own/$place" "/var/$place"
done
# The kubelet sets these for the whole machine where they are otherwise: it is shown that they are not.
while read -r name value; do
  mkdir -p "/run/sysctl/${name%/*}"
  echo "$value" >"/run/sysctl/$name"
  mount --bind "/run/sysctl/$name" "/proc/sys/$name"
done <<'END'
vm/overcommit_memory 1
vm/panic_on_oom 0
kernel/panic 10
kernel/panic_on_oops 1
kernel/keys/root_maxkeys 1000000
kernel/keys/root_maxbytes 25000000
END
# The kubelet wants its control group to be there. Version 1 has a directory for each controller; version 2 one for all, in which those above
# hand every controller down.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  group=/sys/fs/cgroup
  for part in $(echo "$cgroup" | tr / ' '); do
    # One line, of words.
    # shellcheck disable=SC2013
    for controller in $(cat "$group/cgroup.controllers"); do
      echo "+$controller" >"$group/cgroup.subtree_control" || echo "$group does not hand $controller down" >&2
    done
    group=$group/$part
    mkdir -p "$group"
  done
else
  for controller in /sys/fs/cgroup/*/; do
    mkdir -p "$controller$cgroup"
  done
fi

keep() {
  while :; do
    "$@" || echo "$1 ended with code $?" >&2
    sleep 1
  done
}

keep containerd --config "$config/containerd.toml" &
until ctr --address "$socket" version >/dev/null 2>&1; do sleep 0.1; done
keep "$server" kubelet --config="$config/kubelet.yaml" --kubeconfig="$config/kubelet.kubeconfig" --root-dir="$root" \
  --node-ip="$address" --node-labels="$labels" &
keep "$server" kube-proxy --config="$config/proxy.yaml" &
wait
