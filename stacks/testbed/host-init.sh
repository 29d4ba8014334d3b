#!/bin/sh
# Process 1 of a testbed host: makes the mounts that only this host sees, starts its docker engine, and reaps what is left to it.
# The namespaces are there already; everything here ends with them.
# usage: host-init.sh NAME DISKS dockerd FLAG...
set -eu
name=$1
disks=$2
shift 2

mount -t proc proc /proc
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/lock
# The engine writes keys and looks for settings below /etc, and makes directories in /opt; whoever owns this machine has their
# own there.
for directory in etc opt; do
  mkdir -p "/run/private/$directory" "/run/private/$directory.work"
  layers="lowerdir=/$directory,upperdir=/run/private/$directory,workdir=/run/private/$directory.work"
  mount -t overlay -o "$layers" overlay "/$directory"
done
rm -f /etc/docker/daemon.json
# Each disk is a mount point, as a real one would be.
mount --bind "$disks" /mnt
for disk in /mnt/*; do
  mount --bind "$disk" "$disk"
done

hostname "$name"
echo "$name" >/etc/hostname
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$name" >/etc/hosts

"$@" &
engine=$!
trap 'kill -TERM "$engine"' TERM INT
wait "$engine"
