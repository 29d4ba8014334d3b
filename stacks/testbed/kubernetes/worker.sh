#!/bin/sh
# What runs on a host of a Kubernetes testbed: containerd, the kubelet and the proxy for services, each started again when it ends.
# usage: worker.sh CONFIG CGROUP SERVER SOCKET ROOT ADDRESS LABELS   (CONFIG: a directory with the files of all three)
set -eu
config=$1
cgroup=$2
server=$3
socket=$4
root=$5
address=$6
labels=$7

echo 1 >/proc/sys/net/ipv4/ip_forward
mkdir -p /etc/cni/net.d
cp "$config/bridge.conflist" /etc/cni/net.d/
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
