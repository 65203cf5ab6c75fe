# Shell functions that the launcher, verify and .ci/run share. Sourced, never run; needs $top, the top of the tree.

say() { printf '%s\n' "lockstep: $*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command as root: as it is, through sudo, or not at all.
as_root() {
  if ((EUID == 0)); then "$@"
  elif command -v sudo >/dev/null; then sudo "$@"
  else die "this needs root: $* (no sudo here)"
  fi
}

has_libfuse2() { compgen -G '/usr/lib/*/libfuse.so.2' >/dev/null || compgen -G '/lib/*/libfuse.so.2' >/dev/null; }

# Adds to the array `missing` each Debian package whose probe fails: need PROBE PACKAGE
need() { $1 || missing+=("$2"); }
has() { command -v "$1" >/dev/null; }
has_javac() { [[ -n ${JAVA_HOME:-} && -x $JAVA_HOME/bin/javac ]] || has javac; }
has_mvn() { has mvn; }
has_fusermount() { has fusermount3 || has fusermount; }
has_fio() { has fio; }
has_rsync() { has rsync; }
has_sqlite3() { has sqlite3; }
has_setfattr() { has setfattr; }
has_git() { has git; }
has_filefrag() { has filefrag || [[ -x /usr/sbin/filefrag ]]; }

has_iptables() { has iptables || [[ -x /usr/sbin/iptables ]]; }
has_tc() { has tc || [[ -x /usr/sbin/tc || -x /sbin/tc ]]; }
has_mkfs_xfs() { has mkfs.xfs || [[ -x /usr/sbin/mkfs.xfs || -x /sbin/mkfs.xfs ]]; }
has_gcc() { has gcc; }
has_libc_headers() { [[ -e /usr/include/dlfcn.h ]]; }

need_build_tools() { need has_javac openjdk-17-jdk-headless; need has_mvn maven; }
need_mount_tools() { need has_libfuse2 libfuse2; need has_fusermount fuse3; }
need_test_tools() {
  need has_fio fio; need has_rsync rsync; need has_sqlite3 sqlite3; need has_setfattr attr; need has_git git
  need has_filefrag e2fsprogs
  # Faults of real processes: networks that are cut, disks that lose power, errors of disks by a preloaded shim.
  need has_iptables iptables; need has_tc iproute2; need has_mkfs_xfs xfsprogs; need has_gcc gcc; need has_libc_headers libc6-dev
}

# Installs the packages in `missing`, and says which.
install_missing() {
  ((${#missing[@]})) || return 0
  has apt-get || die "please install: ${missing[*]} (no apt-get on this machine)"
  say "installing with apt: ${missing[*]}"
  local quiet=(-qq -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
  as_root apt-get "${quiet[@]}" update >&2 || say "apt-get update failed; trying with the lists that are there"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get "${quiet[@]}" install -y --no-install-recommends "${missing[@]}" >&2 ||
    die "apt-get could not install: ${missing[*]}"
  missing=()
  hash -r
}

# The Java to run with, in `java`, and its major version, in `java_major`: LOCKSTEP_JAVA, JAVA_HOME, the path, /usr/lib/jvm.
find_java() {
  local candidate release
  for candidate in "${LOCKSTEP_JAVA:-}" "${JAVA_HOME:+$JAVA_HOME/bin/java}" "$(command -v java || true)" /usr/lib/jvm/*/bin/java; do
    [[ -n $candidate && -x $candidate ]] || continue
    candidate=$(readlink -f "$candidate")
    release=${candidate%/bin/java}/release
    [[ -r $release && $(<"$release") =~ JAVA_VERSION=\"([0-9]+) ]] || continue
    java_major=${BASH_REMATCH[1]}
    ((java_major >= 17)) && { java=$candidate; return 0; }
  done
  return 1
}

# Runs Maven with its words in $top/target/build.log and a line for each module on the terminal.
maven_build() {
  local log=$top/target/build.log mode
  mkdir -p "$top/target"
  for mode in -o ""; do
    [[ -n $mode ]] || say "fetching libraries (the first build takes a few minutes)"
    if (cd "$top" && mvn -B $mode -Pfast -pl tools -am package -DskipTests) > >(tee "$log" | build_progress) 2>&1; then return 0; fi
    grep -qE 'offline mode|has not been downloaded|was not found in .* during a previous attempt' "$log" || break
  done
  grep -E '^\[ERROR\]' "$log" | head -20 >&2
  die "the build failed; all of it is in $log"
}

build_progress() {
  awk '/^\[INFO\] Building Lockstep/ { sub(/^\[INFO\] Building /, ""); sub(/ +0\..*\[/, " ["); print "  building " $0; fflush() }
       /Downloaded from/ { if (++files % 100 == 0) { print "  " files " files fetched"; fflush() } }' >&2
}

# Puts what was built into a directory of its own, so that running processes keep the jars that they started with.
make_dist() {
  local target=$top/tools/target id dist jar
  is_in_dist "$target/dist" && return
  id=dist-$(date +%s)-$$
  dist=$target/$id
  mkdir -p "$dist/lib" "$dist/native"
  for jar in "$target"/lib/*.jar "$target"/tools-*.jar; do
    case ${jar##*/} in
      # Ours are written anew by each build; those of others never change.
      lockstep-*|tools-*) cp "$jar" "$dist/lib/" ;;
      *) ln "$jar" "$dist/lib/" 2>/dev/null || cp "$jar" "$dist/lib/" ;;
    esac
  done
  unpack_native "$dist"
  printf '%s:' "$(readlink -f "$dist")"/lib/*.jar | sed 's/:$//' >"$dist/classpath"
  ln -sfn "$id" "$target/dist.new" && mv -T "$target/dist.new" "$target/dist"
  # The last one may still be in use; older ones go.
  ls -1dt "$target"/dist-* | tail -n +3 | xargs -r rm -rf
}

# Whether the product in $1 is the jars that Maven packaged last, no more and no fewer. Equal classes make equal jars.
is_in_dist() {
  local jar packaged=("$top"/tools/target/lib/*.jar "$top"/tools/target/tools-*.jar) there=("$1"/lib/*.jar)
  [[ -s $1/classpath ]] && ((${#packaged[@]} == ${#there[@]})) || return 1
  for jar in "${packaged[@]}"; do cmp -s "$jar" "$1/lib/${jar##*/}" || return 1; done
}

# The option with which a process of the product in $1 notes the classes that it loads, for make_archive.
noting_classes() { printf -- '-XX:DumpLoadedClassList=%s/classes-%s/%%p.lst' "$1" "$java_major"; }

# Makes the class data archive of the product in $1 from what processes of every role have noted: starts that map it take half
# the CPU. Without enough notes, or with another one at it, nothing is done.
make_archive() {
  local dist=$1 archive=$1/lockstep-$java_major.jsa notes=$1/classes-$java_major lists list
  lists=("$notes"/*.lst)
  ((${#lists[@]} >= 4)) && [[ ! -e $archive ]] || return 0
  exec 7>"$dist/archive.lock"
  flock -n 7 || return 0
  # The last line of a process that still runs may be cut.
  for list in "${lists[@]}"; do sed '$d' "$list"; done | awk '!/^#/ && !seen[$0]++' >"$notes/all"
  if "$java" -Xshare:dump -XX:+UseSerialGC -XX:SharedClassListFile="$notes/all" -XX:SharedArchiveFile="$archive.new" \
    -cp "$(<"$dist/classpath")" >"$dist/archive.log" 2>&1; then mv -f "$archive.new" "$archive"; fi
  rm -rf "$notes"
  exec 7>&-
}

# RocksDB's library would be unpacked into /tmp at each start, and stay there after a kill.
unpack_native() {
  local name=librocksdbjni-linux64.so
  [[ $(uname -m) == aarch64 ]] && name=librocksdbjni-linux-aarch64.so
  (cd "$1/native" && "${java%java}jar" xf "$1"/lib/rocksdbjni-*.jar "$name") || say "could not unpack $name; RocksDB will do it itself"
}

is_built() {
  [[ -s $top/tools/target/dist/classpath ]] || return 1
  [[ -e $top/pom.xml ]] || return 0
  local newer
  newer=$(cd "$top" && find pom.xml ./*/pom.xml ./*/src/main -newer tools/target/dist/classpath -print -quit 2>/dev/null)
  [[ -z $newer ]]
}

is_simulation_built() {
  [[ -d $top/simulation/target/classes/io && -e $top/simulation/target/built ]] || return 1
  local newer
  newer=$(cd "$top" && find pom.xml {core,wire,metadata,lockd,replication,fs,simulation}/{pom.xml,src/main} \
    -newer simulation/target/built -print -quit 2>/dev/null)
  [[ -z $newer ]]
}

# The classes of the simulator, which are no part of the product, if they or what they stand on changed.
build_simulation() {
  is_simulation_built && return 0
  lock_build
  if ! is_simulation_built; then
    say "building the simulator"
    find_java || die "no Java 17 or newer found"
    local stamp; stamp=$(mktemp "$top/target/stamp.XXXXXX")
    (cd "$top" && mvn -q -B -o -Pfast -pl simulation -am compile) || die "the simulator cannot be built"
    # Sources that changed meanwhile are newer than what was made.
    mv "$stamp" "$top/simulation/target/built"
  fi
  exec 9>&-
}

# One build in this tree at a time, until file 9 is closed.
lock_build() {
  mkdir -p "$top/target"
  exec 9>"$top/target/build.lock"
  flock -n 9 || { say "waiting for another build in this tree"; flock -w 900 9 || die "another build holds $top/target/build.lock"; }
}

build_if_needed() {
  is_built && return 0
  missing=(); need_build_tools; install_missing
  lock_build
  if ! is_built; then
    say "building"
    find_java || die "no Java 17 or newer found"
    local stamp; stamp=$(mktemp "$top/target/stamp.XXXXXX")
    maven_build
    make_dist
    # Sources that changed while the build ran are newer than what it made.
    touch -r "$stamp" "$top/tools/target/dist/classpath"; rm -f "$stamp"
    say "built in ${SECONDS} s"
  fi
  exec 9>&-
}
