#!/usr/bin/env bash
# dist: makes tools/target/dist from what Maven has just packaged, for tests that run the product; prints its directory.
set -euo pipefail
top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/../.." && pwd)
# shellcheck source=tools/scripts/common.sh
source "$top/tools/scripts/common.sh"
find_java || die "no Java 17 or newer found"
make_dist
readlink -f "$top/tools/target/dist"
