# What a setting should be on this very host: shares of its memory, what its cards can, where its interrupts belong. POSIX sh.

# settings KIND: "ID<tab>VALUE" of every setting of that kind.
settings() {
  records "set$tab$1"
}

memory_kb() {
  sed -n 's/^MemTotal: *\([0-9][0-9]*\) kB$/\1/p' "$root/proc/meminfo"
}

cpu_count() {
  grep -c '^processor' "$root/proc/cpuinfo"
}

# value_of VALUE: numbers as they are; "4096 131072 ram PERMILLE MIN MAX UNIT" with that share of the memory at its end.
value_of() {
  case $1 in
    *'ram '*) ;;
    *)
      printf '%s\n' "$1"
      return
      ;;
  esac
  value_before=${1%%ram *}
  value_share=${1#*ram }
  # shellcheck disable=SC2086 # four numbers
  set -- $value_share
  value=$(($(memory_kb) * $1 / 1000))
  if [ "$4" -eq 1 ]; then value=$((value * 1024)); fi
  if [ "$value" -lt "$2" ]; then value=$2; fi
  if [ "$value" -gt "$3" ]; then value=$3; fi
  printf '%s%s\n' "$value_before" "$value"
}

# nic_device NAME MAC: what the kernel calls the card now: by its name, else by its MAC ("-" is none).
nic_device() {
  if [ -e "$root/sys/class/net/$1" ]; then
    printf '%s\n' "$1"
    return
  fi
  if [ "$2" = - ]; then return; fi
  for net in "$root"/sys/class/net/*; do
    if [ -e "$net/device" ] && [ "$(permanent_mac "${net##*/}")" = "$2" ]; then
      printf '%s\n' "${net##*/}"
      return
    fi
  done
}

# permanent_mac NIC: members of a bond show the address of the bond; their own is only in the bond's list.
permanent_mac() {
  own=$(cat "$root"/proc/net/bonding/* 2>/dev/null | awk -v nic="$1" '
    /^Slave Interface: / { at = $3 }
    /^Permanent HW addr: / && at == nic { print $4 }')
  if [ -n "$own" ]; then
    printf '%s\n' "$own"
  else
    cat "$root/sys/class/net/$1/address" 2>/dev/null
  fi
}

# ring_wanted WANTED MAX: no more than the card can; on hosts of little memory the next smaller power of two, or nothing.
ring_wanted() {
  slots=$(($(memory_kb) / 4096))
  if [ "$slots" -lt 256 ]; then return; fi
  ring=$1
  while [ "$ring" -gt "$slots" ]; do ring=$((ring / 2)); done
  if [ "$ring" -gt "$2" ]; then ring=$2; fi
  printf '%s\n' "$ring"
}

# ethtool_pair FLAG NIC FIELD: "MAX CURRENT", nothing when the card does not say.
ethtool_pair() {
  ethtool "$1" "$2" 2>/dev/null | awk -v field="$3:" '
    $1 == field && $2 ~ /^[0-9]+$/ { seen[++count] = $2 }
    END { if (count >= 2) print seen[1], seen[2] }'
}

# expand_cpus LIST: "0-2,8" as "0 1 2 8".
expand_cpus() {
  printf '%s\n' "$1" | tr ',' '\n' | while IFS=- read -r first last; do
    cpu=$first
    while [ -n "$cpu" ] && [ "$cpu" -le "${last:-$first}" ]; do
      printf '%s ' "$cpu"
      cpu=$((cpu + 1))
    done
  done
}

# irq_plan NIC: "IRQ CPU" for each of its interrupts, round the processors near the card; nothing with one processor.
irq_plan() {
  if [ "$(cpu_count)" -lt 2 ]; then return; fi
  device=$root/sys/class/net/$1/device
  irqs=$(ls "$device/msi_irqs" 2>/dev/null || ls "$device/../msi_irqs" 2>/dev/null) || return 0
  cpus=$(expand_cpus "$(cat "$device/local_cpulist" 2>/dev/null || cat "$root/sys/devices/system/cpu/online")")
  printf '%s\n' "$irqs" | sort -n | awk -v cpus="$cpus" '
    BEGIN { count = split(cpus, cpu, " ") }
    NF > 0 && count > 0 { print $1, cpu[(NR - 1) % count + 1] }'
}
