package io.lockstep.lockd.server;

import io.lockstep.lockd.lease.LeaseTable;
import io.lockstep.lockd.lease.NameLeases;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.SessionRow;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the lockd agent. What people are told of leases: rows with the names of holders, and
 * one line in the log for each wait that takes too long.
 */
final class LeaseListing {
  private record Wait(long session, long inode, long lease) {}

  private static final Logger LOG = LoggerFactory.getLogger(LeaseListing.class);

  private final SessionNames names;
  private final LockdCounters counters;

  /** Waits that were complained about and are not over. */
  private final Set<Wait> named = new HashSet<>();

  LeaseListing(SessionNames names, LockdCounters counters) {
    this.names = names;
    this.counters = counters;
  }

  static Set<Long> sessions(List<LeaseTable.Row> rows) {
    Set<Long> sessions = new TreeSet<>();
    rows.forEach(row -> sessions.add(row.session()));
    sessions.remove(0L);
    return sessions;
  }

  static Set<Long> nameSessions(List<NameLeases.Row> rows) {
    Set<Long> sessions = new TreeSet<>();
    rows.forEach(row -> sessions.add(row.session()));
    return sessions;
  }

  List<LeaseRow> nameMessages(List<NameLeases.Row> rows) {
    return rows.stream().map(this::message).toList();
  }

  private LeaseRow message(NameLeases.Row row) {
    SessionRow session = names.row(row.session());
    return LeaseRow.newBuilder()
        .setInode(row.directory())
        .setSession(row.session())
        .setLease(row.lease())
        .setMode(LeaseMode.SHARED)
        .setState(row.recalled() ? "RECALLED" : "GRANTED")
        .setAgeMs(Duration.ofNanos(row.ageNs()).toMillis())
        .setHolder(names.of(row.session()))
        .setOwners(row.holders())
        .setWaiters(row.waiters())
        .setHost(session.getHost())
        .setPid(session.getPid())
        .setMountPoint(session.getMountPoint())
        .setVolume(session.getVolume())
        .build();
  }

  List<LeaseRow> messages(List<LeaseTable.Row> rows) {
    return rows.stream().map(this::message).toList();
  }

  private LeaseRow message(LeaseTable.Row row) {
    SessionRow session = names.row(row.session());
    return LeaseRow.newBuilder()
        .setInode(row.inode())
        .setSession(row.session())
        .setLease(row.lease())
        .setMode(row.mode())
        .setState(row.state())
        .setToken(Convert.message(row.token()))
        .setAgeMs(Duration.ofNanos(row.ageNs()).toMillis())
        .setLastEnd(row.lastEnd())
        .setHolder(row.session() == 0 ? "" : names.of(row.session()))
        .setOwners(row.owners())
        .setWaiters(row.waiters())
        .setWanted(row.wanted())
        .setHost(session.getHost())
        .setPid(session.getPid())
        .setMountPoint(session.getMountPoint())
        .build();
  }

  /**
   * Whether somebody is among them whom nobody has complained about.
   *
   * @param rows of the inodes that somebody has waited for too long
   */
  boolean isNews(List<LeaseTable.Row> rows, long limitNs) {
    Set<Wait> late = new HashSet<>();
    for (LeaseTable.Row row : rows) {
      if (isLate(row, limitNs)) {
        late.add(wait(row));
      }
    }
    named.retainAll(late);
    return !named.containsAll(late);
  }

  /** Complains about each wait once. */
  void complain(List<LeaseTable.Row> rows, long limitNs) {
    for (LeaseTable.Row row : rows) {
      if (isLate(row, limitNs) && named.add(wait(row))) {
        counters.add("waits_over_limit");
        LOG.warn(
            "session {} ({}) has waited {} ms for the {} lease of inode {}: {}",
            row.session(),
            row.session() == 0 ? "the master" : names.of(row.session()),
            Duration.ofNanos(row.ageNs()).toMillis(),
            row.mode(),
            row.inode(),
            inTheWay(rows, row.inode()));
      }
    }
  }

  private String inTheWay(List<LeaseTable.Row> rows, long inode) {
    return rows.stream()
        .filter(row -> row.inode() == inode && !row.state().equals("WAITING"))
        .map(this::describe)
        .collect(Collectors.joining(", "));
  }

  private String describe(LeaseTable.Row row) {
    if (row.session() == 0) {
      return "its members are being settled";
    }
    return String.format(
        "session %d (%s) holds it %s, %s since %d ms",
        row.session(),
        names.of(row.session()),
        row.mode(),
        row.state(),
        Duration.ofNanos(row.ageNs()).toMillis());
  }

  private static boolean isLate(LeaseTable.Row row, long limitNs) {
    return row.state().equals("WAITING") && row.ageNs() >= limitNs;
  }

  private static Wait wait(LeaseTable.Row row) {
    return new Wait(row.session(), row.inode(), row.lease());
  }

  /** A new term: other waits. */
  void clear() {
    named.clear();
  }
}
