package io.lockstep.lockd.server;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Times;
import io.lockstep.lockd.lease.Effect;
import io.lockstep.lockd.lease.LeaseLimits;
import io.lockstep.lockd.lease.LeaseRules;
import io.lockstep.lockd.lease.LeaseTable;
import io.lockstep.lockd.lease.NameLeases;
import io.lockstep.lockd.lease.NameLimits;
import io.lockstep.lockd.posix.FileLockLimits;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SessionEnded;
import io.lockstep.wire.message.SettleAttributes;
import io.lockstep.wire.message.StartLockd;
import io.lockstep.wire.message.StartLockdReply;
import java.time.Duration;
import java.util.Collections;
import java.util.EnumSet;
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
      union(
          LeaseService.KINDS,
          FileLockService.KINDS,
          AdminService.KINDS,
          Set.of(BodyCase.RELEASE_NAMES));

  /** What only the master in this process may ask, through a LocalPeer to this handler. */
  public static final Set<BodyCase> MASTER_KINDS =
      union(
          LeaseService.MASTER_KINDS,
          Set.of(
              BodyCase.SESSION_ENDED,
              BodyCase.GRANT_NAMES,
              BodyCase.NAMES_CHANGED,
              BodyCase.FOREIGN_FILES));

  private static final Logger LOG = LoggerFactory.getLogger(LockdServer.class);
  private static final long TICK_NS = Duration.ofMillis(50).toNanos();
  private static final long START_RETRY_NS = Duration.ofMillis(200).toNanos();
  private static final long START_TIMEOUT_NS = Duration.ofSeconds(15).toNanos();

  private final Peer master;
  private final Agent agent;
  private final Times times;
  private final LeaseLimits limits;
  private final Supplier<LeaseRules> rules;
  private final SizeOwners sizeOwners = new SizeOwners();
  private final Pushers pushers = new Pushers();
  private final LockdCounters counters = new LockdCounters();
  private final SessionNames names = new SessionNames(pushers);
  private final FileLockService fileLocks;
  private final Outbox outbox;
  private final NameServer directories;
  private final LeaseService leases;
  private final AdminService admin;

  /** Rises with each start, stop and try to start: what belongs to an older one is stale. */
  private long run;

  /** Whether this process leads, as far as it was told. */
  private boolean leading;

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
    this.leases = new LeaseService(outbox, agent.clock(), directories::onTold);
    this.admin = new AdminService(leases, directories, fileLocks, outbox, names, counters, agent);
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
          leases.end();
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
    leases.end();
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
    if (attempt != run || leases.isServing()) {
      return;
    }
    if (!Replies.isOk(reply)) {
      LOG.debug("start of lockd is not logged yet: {}", reply.getMessage());
      agent.schedule(START_RETRY_NS, () -> retryStart(attempt));
      return;
    }
    StartLockdReply started = reply.getStartLockd();
    LOG.info("lockd term {}, {} sessions", started.getTerm(), started.getSessionsCount());
    LeaseTable table = new LeaseTable(limits, rules.get());
    outbox.begin(started.getTerm(), table, attempt);
    admin.begin();
    fileLocks.begin(started.getTerm(), started.getSessionsList(), nowNs());
    leases.begin(table, started.getTerm(), started.getSessionsList());
    directories.onStarted(started.getSessionsList());
    scheduleTick(attempt);
  }

  private void retryStart(long attempt) {
    if (attempt == run && !leases.isServing()) {
      askStart();
    }
  }

  private void scheduleTick(long attempt) {
    agent.schedule(TICK_NS, () -> tick(attempt));
  }

  private void tick(long attempt) {
    if (attempt == run) {
      leases.onTick();
      fileLocks.onTick(nowNs());
      admin.onTick();
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
          directories.changed(request.getNamesChanged(), responder, deadlineNs(request));
      case FOREIGN_FILES -> directories.foreign(request.getForeignFiles(), responder);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void endStubborn(Effect.AskEndSession stubborn) {
    if (leases.isServing()) {
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
    return pushers.observing(next);
  }

  private void serve(Request request, Responder responder) {
    if (!leases.isServing()) {
      ErrorCode code = leading ? ErrorCode.BUSY : ErrorCode.NOT_LEADER;
      responder.fail(code, "lockd is not started here");
      return;
    }
    if (MASTER_KINDS.contains(request.getBodyCase())) {
      serveMaster(request, responder);
    } else if (AdminService.KINDS.contains(request.getBodyCase())) {
      admin.serve(request, responder);
    } else if (request.getSession() == 0) {
      responder.fail(ErrorCode.BAD_REQUEST, "a lease needs a session");
    } else {
      pushers.remember(request.getSession(), responder.peer());
      serveSession(request, responder);
    }
  }

  /** P5: a session that lockd has not heard of is either new, or ended before this term. */
  private void serveSession(Request request, Responder responder) {
    if (leases.isKnown(request.getSession())) {
      serveClient(request, responder);
    } else {
      outbox.askWhetherOpen(
          request.getSession(), () -> serveClient(request, responder), responder::reply);
    }
  }

  private void serveClient(Request request, Responder responder) {
    long session = request.getSession();
    if (LeaseService.KINDS.contains(request.getBodyCase())) {
      leases.serve(request, responder, deadlineNs(request));
    } else if (!FileLockService.KINDS.contains(request.getBodyCase())) {
      responder.fail(ErrorCode.BAD_REQUEST, "lockd serves no " + request.getBodyCase());
    } else if (leases.isOpen(session)) {
      fileLocks.serve(session, request, responder, nowNs());
    } else {
      responder.fail(ErrorCode.SESSION_ENDED, "session " + session + " is not open");
    }
  }

  private void serveMaster(Request request, Responder responder) {
    if (!isLocal(responder)) {
      responder.fail(ErrorCode.BAD_REQUEST, "only the master of this process may ask this");
    } else if (request.getBodyCase() == BodyCase.SESSION_ENDED) {
      endSession(request.getSessionEnded());
      responder.ok();
    } else {
      leases.serveMaster(request, responder, deadlineNs(request));
    }
  }

  private void endSession(SessionEnded it) {
    long session = it.getSession();
    outbox.forgetSession(session);
    pushers.forgetSession(session);
    names.forget(session);
    fileLocks.onSessionEnded(session, nowNs());
    leases.onSessionEnded(session, it.getClean());
    directories.onSessionEnded(session);
  }

  private static boolean isLocal(Responder responder) {
    PeerIdentity peer = responder.peer();
    return peer.role().equals("local") && peer.address().equals("in-process");
  }

  private long deadlineNs(Request request) {
    int timeoutMs = request.getTimeoutMs();
    long lastsNs = Duration.ofMillis(Integer.toUnsignedLong(timeoutMs)).toNanos();
    return nowNs() + (timeoutMs == 0 ? times.operationNs() : lastsNs);
  }

  private long nowNs() {
    return agent.clock().nowNs();
  }

  @SafeVarargs
  private static Set<BodyCase> union(Set<BodyCase>... sets) {
    EnumSet<BodyCase> all = EnumSet.noneOf(BodyCase.class);
    for (Set<BodyCase> set : sets) {
      all.addAll(set);
    }
    return Collections.unmodifiableSet(all);
  }
}
