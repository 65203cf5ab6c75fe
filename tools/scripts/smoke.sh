#!/usr/bin/env bash
# smoke LOCKSTEP DIR: a quickstart under DIR starts, takes a file, gives it back after a restart of everything, and stops.
set -euo pipefail
lockstep=$1 dir=$2
at=(--dir "$dir/q")
trap '"$lockstep" quickstart stop "${at[@]}" >/dev/null 2>&1 || true' EXIT
"$lockstep" quickstart "${at[@]}" --mount "$dir/m"
head -c 3000000 /dev/urandom >"$dir/original"
cp "$dir/original" "$dir/m/copy"
cmp "$dir/original" "$dir/m/copy"
"$lockstep" quickstart stop "${at[@]}"
"$lockstep" quickstart "${at[@]}" --mount "$dir/m"
cmp "$dir/original" "$dir/m/copy"
"$lockstep" quickstart stop "${at[@]}"
trap - EXIT
echo "smoke: the file came back whole"
