# Makes the drives of the storage node ready: formats a drive only when it is the one that was named and holds nothing, and makes
# every mount point immutable, so that nothing is ever written beneath it. It never forces anything, and touches no drive that it
# is not sure of. Exit code: 0 all drives are ready, 1 one is not; the others are ready then all the same.

root=${1-}
table=$(cat "$root/etc/ashlar/host.conf")
refused=0

say() {
  printf 'ashlar-drives: %s\n' "$1"
}

refuse() {
  say "$1"
  refused=1
}

# obstacle DEVICE BLKIDCODE BLKIDOUTPUT: why it may not be formatted, a sentence; nothing when it may.
obstacle() {
  kernel_name=${1##*/}
  case $(lsblk --nodeps --pairs --output TYPE,RO "$1") in
    'TYPE="disk" RO="0"') ;;
    'TYPE="disk" RO="1"')
      echo "it cannot be written"
      return
      ;;
    *)
      echo "it is no whole drive"
      return
      ;;
  esac
  if [ "$(lsblk --noheadings --output NAME "$1" | grep -c .)" -ne 1 ]; then
    echo "it has partitions, or something lies on it (lsblk $1)"
    return
  fi
  for holder in "$root/sys/class/block/$kernel_name/holders"/*; do
    if [ -e "$holder" ]; then
      echo "${holder##*/} uses it"
      return
    fi
  done
  if grep -q "^$1 " "$root/proc/swaps" || grep -q " $1 " "$root/proc/self/mountinfo"; then
    echo "it is in use, as swap or mounted somewhere"
    return
  fi
  if [ -n "$3" ] || [ "$2" -ne 2 ]; then
    found=$(printf '%s' "$3" | tr '\n' ' ')
    echo "blkid finds something on it: ${found:-it said nothing and ended with $2}"
    return
  fi
  if ! found=$(wipefs --no-act "$1") || [ -n "$found" ]; then
    echo "wipefs finds something on it: $(printf '%s' "${found:-it failed}" | tr '\n' ' ')"
    return
  fi
  bare_obstacle "$1"
}

# bare_obstacle DEVICE: data without any signature is data, too: the first and the last MiB must be zeros, as of a new drive.
bare_obstacle() {
  size=$(blockdev --getsize64 "$1") || size=0
  if [ "$size" -lt 1073741824 ]; then
    echo "it has $size bytes, which is less than any drive has"
    return
  fi
  for skip in 0 $((size / 1048576 - 1)); do
    if ! dd if="$1" of=/dev/null bs=1048576 skip="$skip" count=1 2>/dev/null; then
      echo "it cannot be read"
      return
    fi
    if [ "$(dd if="$1" bs=1048576 skip="$skip" count=1 2>/dev/null | tr -d '\000' | wc -c)" -ne 0 ]; then
      echo "there is data on it at MiB $skip; if it may go: blkdiscard $1"
      return
    fi
  done
}

# format DEVICE UUID LABEL OWNER: the root of the new file system belongs to the node from its first moment (mkfs.xfs -p).
format() {
  prototype=$(mktemp)
  printf -- '-\n0 0\nd--750 %s %s\n$\n' "$4" "$4" >"$prototype"
  mkfs.xfs -q -i size=512 -n ftype=1 -m uuid="$2" -L "$3" -p "$prototype" "$1"
  code=$?
  rm -f "$prototype"
  return "$code"
}

# ready NAME BY ID UUID LABEL OWNER
ready() {
  devices=$(devices_with "$2" "$3")
  count=$(printf '%s' "$devices" | grep -c .)
  if [ "$count" -eq 0 ]; then
    refuse "$1: there is no drive with $2 $3; is it plugged in, and does the spec name the right one?"
    return
  fi
  if [ "$count" -gt 1 ]; then
    refuse "$1: several drives have $2 $3: $(printf '%s' "$devices" | tr '\n' ' ')"
    return
  fi
  found=$(blkid -p -o export "$devices")
  code=$?
  if printf '%s\n' "$found" | grep -qxF "UUID=$4" && printf '%s\n' "$found" | grep -qxF 'TYPE=xfs'; then
    say "$1: $devices ($2 $3) is formatted already"
    return
  fi
  reason=$(obstacle "$devices" "$code" "$found")
  if [ -n "$reason" ]; then
    refuse "$1: $devices ($2 $3) is left as it is: $reason"
    return
  fi
  if format "$devices" "$4" "$5" "$6"; then
    say "$1: formatted $devices ($2 $3)"
  else
    refuse "$1: mkfs.xfs failed on $devices ($2 $3)"
  fi
}

# guard NAME DIRECTORY: an empty directory that nobody can write to, root neither, until the drive is mounted over it.
guard() {
  if [ -n "$(mounted_at "$2")" ]; then return; fi
  if ! mkdir -p "$root$2"; then
    refuse "$1: $2 cannot be made"
    return
  fi
  if [ -n "$(ls -A "$root$2")" ]; then
    refuse "$1: there are files in $2 beneath the mount point; move them away, or they will be hidden"
  fi
  # An immutable directory refuses a chmod, too, so this is for the first time only.
  if lsattr -d "$root$2" 2>/dev/null | cut -d ' ' -f 1 | grep -q i; then return; fi
  if ! chmod 0555 "$root$2" || ! chattr +i "$root$2"; then
    refuse "$1: $2 cannot be made immutable, so writes could end on the disk of the system"
  fi
}

# release NAME DIRECTORY UUID: whether the place is free for, or taken by, the right file system. A mount whose drive was pulled out
# stays until somebody takes it away; only such a one is.
release() {
  mounted=$(mounted_at "$2")
  if [ -z "$mounted" ]; then return 0; fi
  source=${mounted#* * }
  source=${source%% *}
  if [ "$source" = "$(readlink -f "$root/dev/disk/by-uuid/$3")" ]; then return 0; fi
  if [ -e "$source" ]; then
    refuse "$1: $source is mounted at $2, and the spec wants another file system there; umount it first"
    return 1
  fi
  if ! umount --lazy "$root$2"; then
    refuse "$1: $source is gone and still mounted at $2, and umount failed"
    return 1
  fi
  say "$1: took away the mount of $source at $2, because that drive is gone"
}

if command -v udevadm >/dev/null; then udevadm settle --timeout=120; fi
owner=$(records host | cut -f 3)
while IFS=$tab read -r name role by id uuid label directory; do
  if [ -z "$role" ]; then continue; fi
  if ! release "$name" "$directory" "$uuid"; then continue; fi
  guard "$name" "$directory"
  if [ -z "$(mounted_at "$directory")" ]; then ready "$name" "$by" "$id" "$uuid" "$label" "$owner"; fi
done <<END
$(records drive)
END
if command -v udevadm >/dev/null; then udevadm settle --timeout=120; fi
exit "$refused"
