package io.lockstep.tools.it;

import io.lockstep.tools.process.ProcessRecords;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Confined to its test. Control groups (version 2), one for each process of a cluster: their
 * packets are told apart by them, and they are frozen by them.
 */
final class ControlGroups implements Closeable {
  private static final long GONE_NS = TimeUnit.SECONDS.toNanos(30);
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private final Path hierarchy;
  private final Path directory;
  private final List<String> roles = new ArrayList<>();

  /** Recorded before it is made. */
  ControlGroups(ProcessRecords records, String name) throws IOException {
    this.hierarchy = hierarchy();
    this.directory = directory(name);
    records.grouping(directory);
    Files.createDirectory(directory);
  }

  /** Of the cluster with this name. */
  static Path directory(String name) throws IOException {
    return hierarchy().resolve("lockstep-" + name);
  }

  /** Where the second version is mounted. */
  private static Path hierarchy() throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/mountinfo"))) {
      String[] halves = line.split(" - ", 2);
      if (halves[1].startsWith("cgroup2 ")) {
        return Path.of(halves[0].split(" ")[4]);
      }
    }
    throw new IOException("no control groups of version 2 are mounted");
  }

  /** As the kernel names it. */
  Path inHierarchy() {
    return hierarchy.relativize(directory);
  }

  void add(String role) throws IOException {
    Files.createDirectory(directory.resolve(role));
    roles.add(role);
  }

  /** Returns when each thread of it stands still. */
  void freeze(String role) throws IOException {
    set(role, true);
  }

  void thaw(String role) throws IOException {
    set(role, false);
  }

  private void set(String role, boolean frozen) throws IOException {
    Files.writeString(directory.resolve(role).resolve("cgroup.freeze"), frozen ? "1" : "0");
    String event = "frozen " + (frozen ? 1 : 0);
    await(
        role + ": " + event,
        () -> Files.readAllLines(directory.resolve(role).resolve("cgroup.events")).contains(event));
  }

  /** Something that comes true soon. */
  private interface Condition {
    boolean holds() throws IOException;
  }

  private static void await(String what, Condition condition) throws IOException {
    long deadlineNs = System.nanoTime() + GONE_NS;
    while (!condition.holds()) {
      if (System.nanoTime() - deadlineNs >= 0) {
        throw new IOException("never: " + what);
      }
      LockSupport.parkNanos(POLL_NS);
    }
  }

  /** After the last process has ended. */
  @Override
  public void close() throws IOException {
    for (String role : roles) {
      remove(directory.resolve(role));
    }
    remove(directory);
  }

  /** A process that was killed is gone when its last thread has left the kernel. */
  void awaitEmpty(String role) throws IOException {
    awaitEmpty(directory.resolve(role));
  }

  private static void awaitEmpty(Path group) throws IOException {
    Path events = group.resolve("cgroup.events");
    await(group + " is empty", () -> Files.readAllLines(events).contains("populated 0"));
  }

  private static void remove(Path group) throws IOException {
    awaitEmpty(group);
    Files.delete(group);
  }
}
