package io.lockstep.lockd.lease;

import io.lockstep.core.Token;
import io.lockstep.wire.message.LeaseMode;
import java.util.ArrayList;
import java.util.List;

/** Immutable. The leases of an inode as rows for people. */
final class LeaseRows {
  private LeaseRows() {}

  /** What is settled, then who holds, then who waits, in order. */
  static List<LeaseTable.Row> of(InodeLeases leases, long nowNs) {
    List<LeaseTable.Row> rows = new ArrayList<>();
    if (leases.state() == InodeLeases.State.SETTLING) {
      rows.add(row(leases, 0, 0, LeaseMode.EXCLUSIVE, "SETTLING", leases.settleToken(), 0));
    }
    for (Lease held : leases.holders()) {
      rows.add(held(leases, held, nowNs));
    }
    for (Waiter waiter : leases.queue()) {
      long ageNs = nowNs - waiter.sinceNs;
      rows.add(
          row(leases, waiter.session, waiter.lease, waiter.mode, "WAITING", Token.NONE, ageNs));
    }
    return rows;
  }

  /** Of one who holds. */
  static LeaseTable.Row held(InodeLeases leases, Lease held, long nowNs) {
    LeaseTable.Row row =
        row(
            leases,
            held.session,
            held.id,
            held.mode,
            held.wanted() == null ? "GRANTED" : "RECALLED",
            held.token,
            nowNs - held.grantedNs);
    return held.wanted() == null ? row : row.withWanted(held.wanted());
  }

  private static LeaseTable.Row row(
      InodeLeases leases,
      long session,
      long lease,
      LeaseMode mode,
      String state,
      Token token,
      long ageNs) {
    return new LeaseTable.Row(
        leases.inode(),
        session,
        lease,
        mode,
        state,
        token,
        ageNs,
        leases.lastEnd(),
        leases.holders().size(),
        leases.queue().size(),
        LeaseMode.LEASE_MODE_UNKNOWN);
  }
}
