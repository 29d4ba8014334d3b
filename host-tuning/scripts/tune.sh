# Puts in force what lasts only until the next boot, or depends on the host: shares of memory, huge pages, governor, queues of
# drives, error handling of XFS, rings, queues and interrupts of cards, and services that would undo it. Runs at every boot; a
# second run changes nothing. What the host does not have is left out; "ashlar-doctor" says what came of it. Exit code: always 0.

root=${1-}
table=$(cat "$root/etc/ashlar/host.conf")

# put VALUE FILE: only where it is there and differs; "none [mq-deadline]" has its choice in brackets.
put() {
  if [ ! -w "$2" ]; then return; fi
  now=$(cat "$2")
  case " $now " in
    *" [$1] "*) return ;;
  esac
  if [ "$now" != "$1" ]; then printf '%s\n' "$1" >"$2" || printf 'ashlar-tune: %s does not take %s\n' "$2" "$1"; fi
}

tune_sysctl() {
  mkdir -p "$root/run/sysctl.d"
  {
    echo '# Shares of the memory of this host, computed at boot. The rest is in /etc/sysctl.d/90-ashlar.conf.'
    settings sysctl | while IFS=$tab read -r id wanted; do
      case $wanted in
        *'ram '*) printf '%s = %s\n' "$id" "$(value_of "$wanted")" ;;
      esac
    done
  } >"$root/run/sysctl.d/91-ashlar.conf"
  sysctl -q -e -p "$root/etc/sysctl.d/90-ashlar.conf" "$root/run/sysctl.d/91-ashlar.conf"
}

tune_drives() {
  records drive | while IFS=$tab read -r _ _ by id _ _ directory; do
    for device in $(devices_with "$by" "$id"); do
      queue=$root/sys/block/${device##*/}/queue
      settings queue | while IFS=$tab read -r setting wanted; do
        case $setting in
          io-scheduler) put "$wanted" "$queue/scheduler" ;;
          read-ahead-kb) put "$wanted" "$queue/read_ahead_kb" ;;
        esac
      done
    done
    source=$(mounted_at "$directory" | cut -d ' ' -f 3)
    settings xfs | while IFS=$tab read -r _ wanted; do
      for file in "$root/sys/fs/xfs/${source##*/}"/error/metadata/*/max_retries; do
        if [ -n "$source" ]; then put "$wanted" "$file"; fi
      done
    done
  done
}

tune_nics() {
  records nic | while IFS=$tab read -r name mac _ _; do
    nic=$(nic_device "$name" "$mac")
    if [ -z "$nic" ]; then continue; fi
    settings ring | while IFS=$tab read -r id wanted; do
      field=RX flag=rx
      if [ "$id" = nic-tx-ring ]; then field=TX flag=tx; fi
      pair=$(ethtool_pair -g "$nic" "$field")
      if [ -z "$pair" ]; then continue; fi
      ring=$(ring_wanted "$wanted" "${pair% *}")
      if [ -n "$ring" ] && [ "$ring" != "${pair#* }" ]; then ethtool -G "$nic" "$flag" "$ring"; fi
    done
    pair=$(ethtool_pair -l "$nic" Combined)
    if [ -n "$(settings queues)" ] && [ -n "$pair" ]; then
      queues=$(cpu_count)
      if [ "$queues" -gt "${pair% *}" ]; then queues=${pair% *}; fi
      if [ "$queues" != "${pair#* }" ]; then ethtool -L "$nic" combined "$queues"; fi
    fi
    if [ -n "$(settings irqs)" ]; then
      irq_plan "$nic" | while read -r irq cpu; do
        put "$cpu" "$root/proc/irq/$irq/smp_affinity_list"
      done
    fi
  done
}

settings service | while IFS=$tab read -r id _; do
  service=${id#service.}.service
  if systemctl cat "$service" >/dev/null 2>&1; then systemctl mask --quiet --now "$service"; fi
done
# Before sysctl, because turning them on raises vm.min_free_kbytes.
settings hugepages | while IFS=$tab read -r _ wanted; do
  put "$wanted" "$root/sys/kernel/mm/transparent_hugepage/enabled"
done
tune_sysctl
settings governor | while IFS=$tab read -r _ wanted; do
  for file in "$root"/sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_governor; do put "$wanted" "$file"; done
done
tune_drives
tune_nics
exit 0
