package io.lockstep.lockd.server;

import io.lockstep.core.Agent;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Times;
import io.lockstep.core.Token;
import io.lockstep.lockd.lease.Effect;
import io.lockstep.lockd.lease.LeaseLimits;
import io.lockstep.lockd.lease.LeaseRules;
import io.lockstep.lockd.lease.LeaseTable;
import io.lockstep.lockd.lease.NameLeases;
import io.lockstep.lockd.lease.NameLimits;
import io.lockstep.lockd.posix.FileLockLimits;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.AcquireLease;
import io.lockstep.wire.message.AnswerQuery;
import io.lockstep.wire.message.ClearLeases;
import io.lockstep.wire.message.ClearLeasesReply;
import io.lockstep.wire.message.CondemnInode;
import io.lockstep.wire.message.FileLockRow;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.LeaseRow;
import io.lockstep.wire.message.ListLeasesReply;
import io.lockstep.wire.message.RecallNotMine;
import io.lockstep.wire.message.ReclaimLeases;
import io.lockstep.wire.message.ReleaseLease;
import io.lockstep.wire.message.ReleaseLeaseItem;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.RideLease;
import io.lockstep.wire.message.SessionEnded;
import io.lockstep.wire.message.SettleAttributes;
import io.lockstep.wire.message.StartLockd;
import io.lockstep.wire.message.StartLockdReply;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.LongUnaryOperator;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the lockd agent, but for {@link #onRequest}, which any thread may call. Serves leases
 * to clients and questions to the master that runs in the same process.
 *
 * <p>It keeps nothing on disk: {@link #start} asks the master to log a start entry, whose index is
 * the term, and begins a grace period for reclaims. {@link #stop} drops everything; clients are
 * told NOT_LEADER and look for the lockd of the next leader.
 *
 * <p>Whether a session lives is decided by the master, which says so with SessionEnded after it has
 * logged the end (P5).
 */
public final class LockdServer implements RequestHandler, AutoCloseable {
  /** What clients may ask: to be routed here by the process. */
  public static final Set<BodyCase> CLIENT_KINDS =
      Set.of(
          BodyCase.ACQUIRE_LEASE,
          BodyCase.RELEASE_LEASE,
          BodyCase.RELEASE_LEASES,
          BodyCase.RECLAIM_LEASES,
          BodyCase.RECALL_NOT_MINE,
          BodyCase.ANSWER_QUERY,
          BodyCase.RELEASE_NAMES,
          BodyCase.LIST_LEASES,
          BodyCase.CLEAR_LEASES,
          BodyCase.SET_LOCK,
          BodyCase.CANCEL_LOCK,
          BodyCase.TEST_LOCK,
          BodyCase.RECLAIM_LOCKS);

  /** What only the master in this process may ask, through a LocalPeer to this handler. */
  public static final Set<BodyCase> MASTER_KINDS =
      Set.of(
          BodyCase.SESSION_ENDED,
          BodyCase.SETTLE_ATTRIBUTES,
          BodyCase.CONDEMN_INODE,
          BodyCase.GRANT_NAMES,
          BodyCase.NAMES_CHANGED,
          BodyCase.FOREIGN_FILES,
          BodyCase.RIDE_LEASE);

  private static final Logger LOG = LoggerFactory.getLogger(LockdServer.class);
  private static final long TICK_NS = Duration.ofMillis(50).toNanos();
  private static final long START_RETRY_NS = Duration.ofMillis(200).toNanos();
  private static final long START_TIMEOUT_NS = Duration.ofSeconds(15).toNanos();
  private static final int ROWS_MAX = 5_000;

  /** Whoever waits longer for a lease is named in the log, with those who hold it. */
  private static final long LONG_WAIT_NS = Duration.ofSeconds(3).toNanos();

  private static final long LONG_WAIT_CHECK_NS = Duration.ofSeconds(1).toNanos();

  private final Peer master;
  private final Agent agent;
  private final Times times;
  private final LeaseLimits limits;
  private final Supplier<LeaseRules> rules;
  private final SizeOwners sizeOwners = new SizeOwners();
  private final Pushers pushers = new Pushers();
  private final LockdCounters counters = new LockdCounters();
  private final SessionNames names = new SessionNames(pushers);
  private final LeaseListing listing = new LeaseListing(names, counters);
  private final FileLockService fileLocks;
  private final Outbox outbox;
  private final NameServer directories;

  /** Null until the start entry is logged, and after a stop. */
  private LeaseTable table;

  /** Rises with each start, stop and try to start: what belongs to an older one is stale. */
  private long run;

  /** Whether this process leads, as far as it was told. */
  private boolean leading;

  private long lastRequest;
  private long longWaitsCheckedNs;

  /**
   * @param master the metadata server of this process
   * @param epochOf the newest epoch of a replica set; called on the agent, must not block
   * @param agent what everything here is confined to
   */
  public LockdServer(Peer master, LongUnaryOperator epochOf, Agent agent, Times times) {
    this(master, epochOf, agent, times, LeaseLimits.of(times));
  }

  public LockdServer(
      Peer master, LongUnaryOperator epochOf, Agent agent, Times times, LeaseLimits limits) {
    this(master, epochOf, agent, times, limits, () -> LeaseRules.PRODUCTION);
  }

  /**
   * @param rules of each table, for tests and reproductions
   */
  public LockdServer(
      Peer master,
      LongUnaryOperator epochOf,
      Agent agent,
      Times times,
      LeaseLimits limits,
      Supplier<LeaseRules> rules) {
    this.master = master;
    this.agent = agent;
    this.times = times;
    this.limits = limits;
    this.rules = rules;
    this.outbox = new Outbox(master, epochOf, agent, sizeOwners, pushers, times, counters);
    this.fileLocks = new FileLockService(FileLockLimits.of(times), pushers, names, counters);
    this.directories =
        new NameServer(
            new NameLeases(NameLimits.of(times)),
            sizeOwners,
            pushers,
            agent.clock(),
            stubborn -> outbox.enter(() -> endStubborn(stubborn)));
  }

  /** Begins a term. To be called when this process has become the leader. */
  public void start() {
    outbox.enter(
        () -> {
          leading = true;
          askStart();
        });
  }

  /** Ends the term: another process leads. */
  public void stop() {
    outbox.enter(
        () -> {
          run++;
          leading = false;
          table = null;
          directories.onStopped();
          outbox.drop(ErrorCode.NOT_LEADER, "lockd has moved");
        });
  }

  @Override
  public void close() {
    stop();
  }

  private void askStart() {
    run++;
    long attempt = run;
    table = null;
    outbox.drop(ErrorCode.NOT_LEADER, "lockd is starting");
    Request request = Request.newBuilder().setStartLockd(StartLockd.getDefaultInstance()).build();
    // A start entry that is logged twice does no harm: the newest names the term.
    agent.schedule(START_TIMEOUT_NS, () -> retryStart(attempt));
    master.call(
        request,
        START_TIMEOUT_NS,
        (reply, payload) -> {
          payload.release();
          outbox.enter(() -> onStartReply(attempt, reply));
        });
  }

  private void onStartReply(long attempt, Reply reply) {
    if (attempt != run || table != null) {
      return;
    }
    if (!Replies.isOk(reply)) {
      LOG.debug("start of lockd is not logged yet: {}", reply.getMessage());
      agent.schedule(START_RETRY_NS, () -> retryStart(attempt));
      return;
    }
    StartLockdReply started = reply.getStartLockd();
    LOG.info("lockd term {}, {} sessions", started.getTerm(), started.getSessionsCount());
    table = new LeaseTable(limits, rules.get());
    outbox.begin(started.getTerm(), table, attempt);
    listing.clear();
    fileLocks.begin(started.getTerm(), started.getSessionsList(), nowNs());
    outbox.run(table.onStarted(started.getTerm(), started.getSessionsList(), nowNs()));
    directories.onStarted(started.getSessionsList());
    scheduleTick(attempt);
  }

  private void retryStart(long attempt) {
    if (attempt == run && table == null) {
      askStart();
    }
  }

  private void scheduleTick(long attempt) {
    agent.schedule(TICK_NS, () -> tick(attempt));
  }

  private void tick(long attempt) {
    if (attempt == run) {
      outbox.run(table.onTick(nowNs()));
      fileLocks.onTick(nowNs());
      maybeComplain();
      directories.onTick();
      scheduleTick(attempt);
    }
  }

  @Override
  public void onRequest(Request request, Payload payload, Responder responder) {
    payload.release();
    if (request.getBodyCase() == BodyCase.SETTLE_ATTRIBUTES && isLocal(responder)) {
      SettleAttributes asked = request.getSettleAttributes();
      if (sizeOwners.isMasterRight(asked.getInode(), asked.getSession())) {
        responder.ok();
        return;
      }
    }
    if (serveNames(request, responder)) {
      return;
    }
    if (!agent.execute(() -> serve(request, responder))) {
      responder.fail(ErrorCode.BUSY, "lockd has too much to do");
    }
  }

  /** What any thread serves; false if the request is something else. */
  private boolean serveNames(Request request, Responder responder) {
    if (request.getBodyCase() == BodyCase.RELEASE_NAMES && !isLocal(responder)) {
      pushers.remember(request.getSession(), responder.peer());
      directories.release(request, responder);
      return true;
    }
    if (!isLocal(responder)) {
      return false;
    }
    switch (request.getBodyCase()) {
      case GRANT_NAMES -> directories.grant(request.getGrantNames(), responder);
      case NAMES_CHANGED ->
          directories.changed(request.getNamesChanged(), responder, deadlineNs(request, nowNs()));
      case FOREIGN_FILES -> directories.foreign(request.getForeignFiles(), responder);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void endStubborn(Effect.AskEndSession stubborn) {
    if (table != null) {
      outbox.run(List.of(stubborn));
    }
  }

  @Override
  public void onDisconnected(PeerIdentity peer) {
    pushers.forget(peer);
  }

  /**
   * Wraps the handler of other kinds of requests, so that recalls go to the connection of a
   * session's latest request of any kind. The one that renews sessions has to be wrapped: after a
   * reconnect an idle holder sends nothing else.
   */
  public RequestHandler observing(RequestHandler next) {
    return new RequestHandler() {
      @Override
      public void onRequest(Request request, Payload payload, Responder responder) {
        if (request.getSession() != 0) {
          pushers.remember(request.getSession(), responder.peer());
        }
        next.onRequest(request, payload, responder);
      }

      @Override
      public void onDisconnected(PeerIdentity peer) {
        next.onDisconnected(peer);
      }
    };
  }

  private void serve(Request request, Responder responder) {
    if (table == null) {
      ErrorCode code = leading ? ErrorCode.BUSY : ErrorCode.NOT_LEADER;
      responder.fail(code, "lockd is not started here");
      return;
    }
    if (MASTER_KINDS.contains(request.getBodyCase())) {
      serveMaster(request, responder);
    } else if (request.getBodyCase() == BodyCase.LIST_LEASES) {
      long volume = request.getListLeases().getVolume();
      knowing(rows(volume), () -> list(volume, responder));
    } else if (request.getBodyCase() == BodyCase.CLEAR_LEASES) {
      clear(request.getClearLeases(), responder);
    } else if (request.getSession() == 0) {
      responder.fail(ErrorCode.BAD_REQUEST, "a lease needs a session");
    } else {
      pushers.remember(request.getSession(), responder.peer());
      serveSession(request, responder);
    }
  }

  /** P5: a session that lockd has not heard of is either new, or ended before this term. */
  private void serveSession(Request request, Responder responder) {
    if (table.isKnown(request.getSession())) {
      serveClient(request, responder);
    } else {
      outbox.askWhetherOpen(
          request.getSession(), () -> serveClient(request, responder), responder::reply);
    }
  }

  private void serveClient(Request request, Responder responder) {
    long session = request.getSession();
    switch (request.getBodyCase()) {
      case ACQUIRE_LEASE -> acquire(session, request, responder);
      case RELEASE_LEASE -> {
        ReleaseLease it = request.getReleaseLease();
        release(session, it.getInode(), it.getLease(), it.getClean());
        responder.ok();
      }
      case RELEASE_LEASES -> {
        for (ReleaseLeaseItem it : request.getReleaseLeases().getLeasesList()) {
          release(session, it.getInode(), it.getLease(), it.getClean());
        }
        responder.ok();
      }
      case RECALL_NOT_MINE -> {
        RecallNotMine it = request.getRecallNotMine();
        outbox.run(table.onRecallNotMine(session, it.getInode(), it.getLease(), nowNs()));
        responder.ok();
      }
      case ANSWER_QUERY -> {
        AnswerQuery it = request.getAnswerQuery();
        outbox.run(
            table.onAnswerQuery(session, it.getInode(), it.getLease(), it.getQuery(), nowNs()));
        responder.ok();
      }
      case RECLAIM_LEASES -> reclaim(session, request.getReclaimLeases(), responder);
      case SET_LOCK, CANCEL_LOCK, TEST_LOCK, RECLAIM_LOCKS -> {
        if (table.isOpen(session)) {
          fileLocks.serve(session, request, responder, nowNs());
        } else {
          responder.fail(ErrorCode.SESSION_ENDED, "session " + session + " is not open");
        }
      }
      default -> responder.fail(ErrorCode.BAD_REQUEST, "lockd serves no " + request.getBodyCase());
    }
  }

  private void acquire(long session, Request request, Responder responder) {
    AcquireLease it = request.getAcquireLease();
    if (it.getInode() == 0 || it.getLease() <= 0 || !isMode(it.getMode())) {
      responder.fail(
          ErrorCode.BAD_REQUEST,
          "lease " + it.getLease() + " on inode " + it.getInode() + " in mode " + it.getMode());
      return;
    }
    long nowNs = nowNs();
    LeaseTable.Acquire asked =
        new LeaseTable.Acquire(
            session,
            it.getInode(),
            it.getLease(),
            it.getMode(),
            it.getSet(),
            deadlineNs(request, nowNs));
    outbox.await(session, it.getInode(), it.getLease(), responder);
    outbox.run(table.onAcquire(asked, nowNs));
  }

  private void release(long session, long inode, long lease, boolean clean) {
    outbox.run(table.onRelease(session, inode, lease, clean, nowNs()));
  }

  private void reclaim(long session, ReclaimLeases request, Responder responder) {
    List<LeaseTable.Reclaim> items = new ArrayList<>();
    for (ReclaimLeases.Item it : request.getLeasesList()) {
      if (!isMode(it.getMode()) || it.getInode() == 0) {
        responder.fail(ErrorCode.BAD_REQUEST, "reclaim of inode " + it.getInode());
        return;
      }
      Token token = it.getMode() == LeaseMode.EXCLUSIVE ? Convert.token(it.getToken()) : Token.NONE;
      items.add(
          new LeaseTable.Reclaim(it.getInode(), it.getLease(), it.getMode(), token, it.getSet()));
    }
    outbox.awaitReclaim(responder);
    outbox.run(table.onReclaim(session, items, request.getLast(), nowNs()));
    if (request.getLast()) {
      directories.onTold(session);
    }
  }

  private void serveMaster(Request request, Responder responder) {
    if (!isLocal(responder)) {
      responder.fail(ErrorCode.BAD_REQUEST, "only the master of this process may ask this");
      return;
    }
    long nowNs = nowNs();
    switch (request.getBodyCase()) {
      case SESSION_ENDED -> {
        SessionEnded it = request.getSessionEnded();
        outbox.forgetSession(it.getSession());
        pushers.forgetSession(it.getSession());
        names.forget(it.getSession());
        fileLocks.onSessionEnded(it.getSession(), nowNs);
        outbox.run(table.onSessionEnded(it.getSession(), it.getClean(), nowNs));
        directories.onSessionEnded(it.getSession());
        responder.ok();
      }
      case SETTLE_ATTRIBUTES -> {
        SettleAttributes it = request.getSettleAttributes();
        outbox.run(
            table.onSettleAttributes(
                nextRequest(responder),
                it.getInode(),
                it.getSession(),
                deadlineNs(request, nowNs),
                nowNs));
      }
      case RIDE_LEASE -> ride(request, responder, nowNs);
      case CONDEMN_INODE -> {
        CondemnInode it = request.getCondemnInode();
        outbox.run(
            table.onCondemn(
                nextRequest(responder),
                it.getInode(),
                it.getSet(),
                deadlineNs(request, nowNs),
                nowNs));
      }
      default -> throw Check.unreachable("%s is not of the master", request.getBodyCase());
    }
  }

  private void ride(Request request, Responder responder, long nowNs) {
    RideLease it = request.getRideLease();
    if (it.getLease() <= 0 || !isMode(it.getMode()) || !table.isKnown(it.getSession())) {
      responder.fail(ErrorCode.BUSY, "no lease rides along");
      return;
    }
    LeaseTable.Acquire asked =
        new LeaseTable.Acquire(
            it.getSession(),
            it.getInode(),
            it.getLease(),
            it.getMode(),
            it.getSet(),
            deadlineNs(request, nowNs));
    outbox.await(it.getSession(), it.getInode(), it.getLease(), responder);
    outbox.run(table.onRide(asked, nowNs));
  }

  private long nextRequest(Responder responder) {
    lastRequest++;
    outbox.await(lastRequest, responder);
    return lastRequest;
  }

  // ---- for people

  private List<LeaseTable.Row> rows(long volume) {
    return table.rows(ROWS_MAX, nowNs()).stream()
        .filter(
            row -> volume == 0 || row.session() == 0 || outbox.isOfVolume(row.session(), volume))
        .toList();
  }

  /** Runs {@code then} when the sessions of the rows have names, or the master has none. */
  private void knowing(List<LeaseTable.Row> rows, Runnable then) {
    if (names.knowsAll(LeaseListing.sessions(rows))) {
      then.run();
    } else {
      outbox.askSessions(names::learn, then);
    }
  }

  private void list(long volume, Responder responder) {
    if (table == null) {
      responder.fail(ErrorCode.NOT_LEADER, "lockd has moved");
      return;
    }
    responder.reply(
        Reply.newBuilder()
            .setListLeases(
                ListLeasesReply.newBuilder()
                    .addAllRows(listing.messages(rows(volume)))
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
    List<LeaseTable.Row> cleared = new ArrayList<>();
    long ageNs = Duration.ofMillis(request.getOlderThanMs()).toNanos();
    outbox.run(table.onClear(request.getSession(), ageNs, cleared, nowNs()));
    if (ageNs == 0) {
      fileLocks.clear(request.getSession(), nowNs());
    }
    knowing(
        cleared,
        () -> {
          List<LeaseRow> rows = listing.messages(cleared);
          rows.forEach(LockdServer::logCleared);
          responder.reply(
              Reply.newBuilder()
                  .setClearLeases(ClearLeasesReply.newBuilder().addAllRows(rows))
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

  private void maybeComplain() {
    long nowNs = nowNs();
    if (nowNs - longWaitsCheckedNs < LONG_WAIT_CHECK_NS) {
      return;
    }
    longWaitsCheckedNs = nowNs;
    List<LeaseTable.Row> waits = table.longWaits(LONG_WAIT_NS, nowNs);
    if (listing.isNews(waits, LONG_WAIT_NS)) {
      knowing(waits, () -> listing.complain(waits, LONG_WAIT_NS));
    }
  }

  private static boolean isLocal(Responder responder) {
    PeerIdentity peer = responder.peer();
    return peer.role().equals("local") && peer.address().equals("in-process");
  }

  private static boolean isMode(LeaseMode mode) {
    return mode == LeaseMode.SHARED || mode == LeaseMode.EXCLUSIVE;
  }

  private long deadlineNs(Request request, long nowNs) {
    int timeoutMs = request.getTimeoutMs();
    long lastsNs = Duration.ofMillis(Integer.toUnsignedLong(timeoutMs)).toNanos();
    return nowNs + (timeoutMs == 0 ? times.operationNs() : lastsNs);
  }

  private long nowNs() {
    return agent.clock().nowNs();
  }
}
