# sweep DIR: ends what the clusters under DIR left behind, by their records (ProcessRecords.java), and removes their directories.
# Sets `swept` to the number of processes, mounts and control groups that were still there. Sourced by verify; nothing is ever ended by name.

sweep() {
  local base=$1 records run
  swept=0
  for records in "$base"/*/records "$base"/*/run/records; do
    [[ -f $records ]] || continue
    sweep_records "$records"
  done
  for run in "$base"/*/; do
    [[ -d $run ]] || continue
    # One filesystem only: whatever is still mounted below is not emptied.
    rm -rf --one-file-system "$run" || say "could not remove $run"
  done
}

sweep_records() {
  local kind first start boot role
  local -a mounts=() groups=()
  while read -r kind first start boot role; do
    case $kind in
      process)
        is_same_process "$first" "$start" "$boot" || continue
        say "left behind: $role, process $first"
        swept=$((swept + 1))
        kill -KILL "$first" 2>/dev/null || true
        ;;
      mount) mounts+=("$first${start:+ $start}${boot:+ $boot}${role:+ $role}") ;;
      group) groups+=("$first") ;;
    esac
  done <"$1"
  local directory
  for directory in "${groups[@]}"; do
    [[ -d $directory ]] || continue
    say "left behind: the control groups in $directory"
    swept=$((swept + 1))
    sweep_groups "$directory"
  done
  for directory in "${mounts[@]}"; do
    while is_mounted "$directory"; do
      say "left behind: a mount on $directory"
      swept=$((swept + 1))
      as_root umount -l "$directory" || break
    done
  done
}

# Ends whatever is in the control groups in directory $1, frozen or not, and removes them.
sweep_groups() {
  local group pid try
  for group in "$1"/*/ "$1"; do
    while read -r pid; do kill -KILL "$pid" 2>/dev/null || true; done < <(cat "$group/cgroup.procs" 2>/dev/null)
    # A group can be removed when its last process is gone, a moment after it was ended.
    for try in {1..50}; do rmdir "$group" 2>/dev/null && break; sleep 0.1; done
    [[ ! -d $group ]] || say "could not remove $group"
  done
}

# Whether process $1 is the one that started $2 ticks after boot $3.
is_same_process() {
  local stat fields
  [[ $(</proc/sys/kernel/random/boot_id) == "$3" ]] || return 1
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -ra fields <<<"${stat##*) }"
  [[ ${fields[0]} != Z && ${fields[19]} == "$2" ]]
}

is_mounted() { awk -v d="$1" '$5 == d { found = 1 } END { exit !found }' /proc/self/mountinfo; }
