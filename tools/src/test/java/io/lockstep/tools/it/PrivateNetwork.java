package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.check;

import io.lockstep.fs.fuse.Posix;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import jnr.ffi.LibraryLoader;

/**
 * Confined to the thread that made it. A network namespace with a loopback device of its own for
 * what this thread starts from now on, threads and processes; it goes with the last of them, so
 * there is nothing to sweep.
 *
 * <p>All daemons listen on loopback, so a link is known by its two ends: the port of the one that
 * listens, and the control group of the one that connects, which marks the connection. Packets of a
 * link are dropped, refused or slowed down in one direction or both, by the kernel.
 */
final class PrivateNetwork implements Closeable {
  /** Functions of libc. */
  public interface LibC {
    int unshare(int flags);

    int setns(int fd, int type);
  }

  /** Which packets, as seen from the one that is cut off. */
  enum Direction {
    BOTH,
    TO,
    FROM
  }

  /** What becomes of them. */
  enum Fate {
    LOST("DROP"),
    RESET("REJECT --reject-with tcp-reset");

    private final String target;

    Fate(String target) {
      this.target = target;
    }
  }

  private static final LibC C = LibraryLoader.create(LibC.class).load("c");
  private static final int CLONE_NEWNET = 0x4000_0000;

  /** Two hundred and fifty kilobytes per second, and a queue that makes everybody wait. */
  private static final String SLOW = "2mbit burst 16k";

  private final int outside;
  private final Path groups;
  private final Map<String, Integer> marks = new TreeMap<>();

  /**
   * Enters it.
   *
   * @param groups directory of the control groups
   */
  PrivateNetwork(ControlGroups groups) throws IOException, Posix.Failed {
    this.outside = Posix.open("/proc/thread-self/ns/net", Posix.O_RDONLY);
    this.groups = groups.inHierarchy();
    check("unshare", C.unshare(CLONE_NEWNET));
    TestCluster.shell("ip link set lo up; iptables -N FAULT; iptables -A OUTPUT -j FAULT");
  }

  /** Back to the network of before. */
  @Override
  public void close() throws IOException {
    if (C.setns(outside, CLONE_NEWNET) != 0) {
      throw new IOException("this thread cannot go back to its network");
    }
    Posix.C.close(outside);
  }

  /** From now on the connections that this role opens are known as its own. */
  void know(String role) throws IOException {
    marks.put(role, marks.size() + 1);
    TestCluster.shell(
        "iptables -t mangle -A OUTPUT -p tcp -m cgroup --path \"$1\""
            + " -m conntrack --ctdir ORIGINAL -j CONNMARK --set-mark $2",
        groups.resolve(role),
        marks.get(role));
  }

  /**
   * Everything between this daemon and all others.
   *
   * @param port where it listens
   */
  void cutOff(String role, int port, Direction direction, Fate fate) throws IOException {
    List<String> matches = new ArrayList<>();
    if (direction != Direction.FROM) {
      matches.add("--dport " + port);
      matches.add("-m connmark --mark " + marks.get(role) + " -m conntrack --ctdir REPLY");
    }
    if (direction != Direction.TO) {
      matches.add("--sport " + port);
      matches.add("-m connmark --mark " + marks.get(role) + " -m conntrack --ctdir ORIGINAL");
    }
    for (String match : matches) {
      TestCluster.shell("iptables -A FAULT -p tcp " + match + " -j " + fate.target);
    }
  }

  /** What one role and a daemon say to each other, for instance a mount and one storage daemon. */
  void cutLink(String role, int port) throws IOException {
    for (String side : List.of("--dport ", "--sport ")) {
      String link = side + port + " -m connmark --mark " + marks.get(role);
      TestCluster.shell("iptables -A FAULT -p tcp " + link + " -j DROP");
    }
  }

  /** Nothing comes through any more, from one instant to the next. */
  void cutAll() throws IOException {
    TestCluster.shell("iptables -I FAULT -p tcp -j DROP");
  }

  /** What comes in and goes out there passes a thin pipe. */
  void slowDown(int port) throws IOException {
    TestCluster.shell(
        "tc qdisc add dev lo root handle 1: htb default 0;"
            + " tc class add dev lo parent 1: classid 1:10 htb rate "
            + SLOW);
    for (String side : List.of("--dport ", "--sport ")) {
      TestCluster.shell(
          "iptables -t mangle -A OUTPUT -p tcp " + side + port + " -j CLASSIFY --set-class 1:10");
    }
  }

  /** The bytes that passed the thin pipe, which is taken away. */
  long speedUp(int port) throws IOException {
    String statistics =
        TestCluster.shell("tc -s class show dev lo | sed -n 's/^ Sent \\([0-9]*\\).*/\\1/p'");
    for (String side : List.of("--dport ", "--sport ")) {
      TestCluster.shell(
          "iptables -t mangle -D OUTPUT -p tcp " + side + port + " -j CLASSIFY --set-class 1:10");
    }
    TestCluster.shell("tc qdisc del dev lo root");
    return sum(statistics);
  }

  /** Ends what {@link #cutOff}, {@link #cutLink} and {@link #cutAll} began; packets it stopped. */
  long mend() throws IOException {
    String counters = TestCluster.shell("iptables -nvxL FAULT | awk 'NR > 2 { print $1 }'");
    TestCluster.shell("iptables -F FAULT");
    return sum(counters);
  }

  private static long sum(String lines) {
    return lines.lines().mapToLong(Long::parseLong).sum();
  }
}
