package io.lockstep.lockd.server;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.lockd.lease.LeaseTable;
import io.lockstep.lockd.lease.NameLeases;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.ClearLeases;
import io.lockstep.wire.message.ClearLeasesReply;
import io.lockstep.wire.message.FileLockRow;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.ListLeasesReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the lockd agent. What people ask of lockd: who holds what and who waits for whom; to
 * clear by force; and the complaints that it makes of itself about long waits.
 */
final class AdminService {
  static final Set<BodyCase> KINDS = Set.of(BodyCase.LIST_LEASES, BodyCase.CLEAR_LEASES);

  private static final Logger LOG = LoggerFactory.getLogger(AdminService.class);
  private static final int ROWS_MAX = 5_000;

  /** Whoever waits longer for a lease is named in the log, with those who hold it. */
  private static final long LONG_WAIT_NS = Duration.ofSeconds(3).toNanos();

  private static final long LONG_WAIT_CHECK_NS = Duration.ofSeconds(1).toNanos();

  private final LeaseService leases;
  private final NameServer directories;
  private final FileLockService fileLocks;
  private final Outbox outbox;
  private final SessionNames names;
  private final LockdCounters counters;
  private final Agent agent;
  private final LeaseListing listing;
  private long longWaitsCheckedNs;

  AdminService(
      LeaseService leases,
      NameServer directories,
      FileLockService fileLocks,
      Outbox outbox,
      SessionNames names,
      LockdCounters counters,
      Agent agent) {
    this.leases = leases;
    this.directories = directories;
    this.fileLocks = fileLocks;
    this.outbox = outbox;
    this.names = names;
    this.counters = counters;
    this.agent = agent;
    this.listing = new LeaseListing(names, counters);
  }

  /** A new term: other waits. */
  void begin() {
    listing.clear();
  }

  void onTick() {
    long nowNs = nowNs();
    if (nowNs - longWaitsCheckedNs < LONG_WAIT_CHECK_NS) {
      return;
    }
    longWaitsCheckedNs = nowNs;
    List<LeaseTable.Row> waits = leases.longWaits(LONG_WAIT_NS);
    if (listing.isNews(waits, LONG_WAIT_NS)) {
      knowing(LeaseListing.sessions(waits), () -> listing.complain(waits, LONG_WAIT_NS));
    }
  }

  /**
   * @param request one of {@link #KINDS}
   */
  void serve(Request request, Responder responder) {
    if (request.getBodyCase() == BodyCase.LIST_LEASES) {
      long volume = request.getListLeases().getVolume();
      Set<Long> sessions = LeaseListing.sessions(leases.rows(volume, ROWS_MAX));
      sessions.addAll(LeaseListing.nameSessions(directories.rows(ROWS_MAX)));
      knowing(sessions, () -> list(volume, responder));
    } else {
      clear(request.getClearLeases(), responder);
    }
  }

  /** Runs {@code then} when the sessions have names, or the master has none. */
  private void knowing(Set<Long> sessions, Runnable then) {
    if (names.knowsAll(sessions)) {
      then.run();
    } else {
      outbox.askSessions(names::learn, then);
    }
  }

  private void list(long volume, Responder responder) {
    if (!leases.isServing()) {
      responder.fail(ErrorCode.NOT_LEADER, "lockd has moved");
      return;
    }
    responder.reply(
        Reply.newBuilder()
            .setListLeases(
                ListLeasesReply.newBuilder()
                    .addAllRows(listing.messages(leases.rows(volume, ROWS_MAX)))
                    .addAllDirectories(listing.nameMessages(directories.rows(ROWS_MAX)))
                    .addAllLocks(fileLockRows(volume))
                    .putAllCounters(counters.all()))
            .build());
  }

  private List<FileLockRow> fileLockRows(long volume) {
    return fileLocks.rows(ROWS_MAX, nowNs()).stream()
        .filter(row -> volume == 0 || outbox.isOfVolume(row.session(), volume))
        .map(fileLocks::message)
        .toList();
  }

  private void clear(ClearLeases request, Responder responder) {
    if (request.getSession() == 0 && request.getOlderThanMs() == 0) {
      responder.fail(ErrorCode.BAD_REQUEST, "clear the leases of whom, or how old?");
      return;
    }
    long ageNs = Duration.ofMillis(request.getOlderThanMs()).toNanos();
    List<LeaseTable.Row> cleared = leases.clear(request.getSession(), ageNs);
    List<NameLeases.Row> recalled = directories.clear(request.getSession(), ageNs);
    if (ageNs == 0) {
      fileLocks.clear(request.getSession(), nowNs());
    }
    Set<Long> sessions = LeaseListing.sessions(cleared);
    sessions.addAll(LeaseListing.nameSessions(recalled));
    knowing(
        sessions,
        () -> {
          List<LeaseRow> rows = listing.messages(cleared);
          rows.forEach(AdminService::logCleared);
          responder.reply(
              Reply.newBuilder()
                  .setClearLeases(
                      ClearLeasesReply.newBuilder()
                          .addAllRows(rows)
                          .addAllDirectories(listing.nameMessages(recalled)))
                  .build());
        });
  }

  private static void logCleared(LeaseRow row) {
    LOG.warn(
        "the {} lease {} of session {} ({}) on inode {} was cleared by force",
        row.getMode(),
        row.getLease(),
        row.getSession(),
        row.getHolder(),
        row.getInode());
  }

  private long nowNs() {
    return agent.clock().nowNs();
  }
}
