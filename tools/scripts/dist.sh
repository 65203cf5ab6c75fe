#!/usr/bin/env bash
# dist: makes tools/target/dist from what Maven has just packaged, for tests that run the product; prints its directory.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=tools/scripts/common.sh
source "$top/tools/scripts/common.sh"
find_java || die "no Java 17 or newer found"
make_dist
dist=$(readlink -f "$top/tools/target/dist")
# The tests start some two hundred processes: one start of each role is spent on an archive of the classes that they load.
if [[ ! -e $dist/lockstep-$java_major.jsa ]]; then
  runs=${LOCKSTEP_RUNS:-${TMPDIR:-/tmp}/lockstep-runs-$EUID}
  mkdir -p "$dist/classes-$java_major" "$runs"
  run=$(mktemp -d "$runs/archive.XXXX")
  LOCKSTEP_JVM_OPTS=$(noting_classes "$dist"); export LOCKSTEP_JVM_OPTS LOCKSTEP_DIST=$dist
  trap '"$top/lockstep" quickstart stop --dir "$run/q" >&2 || true; rm -rf --one-file-system "$run"' EXIT
  "$top/lockstep" quickstart --dir "$run/q" --mount "$run/m" >&2
  cp "$top/README.md" "$run/m/a" && mkdir "$run/m/d" && mv "$run/m/a" "$run/m/d/" && cmp "$top/README.md" "$run/m/d/a" && ls -lR "$run/m" >&2
  "$top/lockstep" quickstart stop --dir "$run/q" >&2
  trap - EXIT
  make_archive "$dist"
  rm -rf --one-file-system "$run"
fi
echo "$dist"
