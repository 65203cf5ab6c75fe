package io.lockstep.lockd.server;

import io.lockstep.core.Agent;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Times;
import io.lockstep.lockd.lease.Effect;
import io.lockstep.lockd.lease.LeaseTable;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Peer;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.ClusterStatus;
import io.lockstep.wire.message.ClusterStatusReply;
import io.lockstep.wire.message.EndSession;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.LeaseCleared;
import io.lockstep.wire.message.LeaseGrant;
import io.lockstep.wire.message.LeaseMode;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.QueryLease;
import io.lockstep.wire.message.RecallLease;
import io.lockstep.wire.message.ReclaimReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SettleInode;
import io.lockstep.wire.message.SettleOrphans;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongUnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the lockd agent. Carries out the effects of the lease table: answers those who wait,
 * pushes to sessions, asks the master and brings its answers back to the table.
 */
final class Outbox {
  private record Place(long session, long inode, long lease) {}

  private static final Logger LOG = LoggerFactory.getLogger(Outbox.class);

  /** Settling copies what differs of a file, or of many: the master ends it long before this. */
  private static final long SETTLE_TIMEOUT_NS = Duration.ofMinutes(10).toNanos();

  /** Tries of one acquire that are open at once; a client has two. */
  private static final int REPEATS_MAX = 8;

  private static final long WARN_PAUSE_NS = Duration.ofSeconds(1).toNanos();

  private final Peer master;
  private final LongUnaryOperator epochOf;
  private final Agent agent;
  private final SizeOwners sizeOwners;
  private final Pushers pushers;
  private final Times times;
  private final LockdCounters counters;

  /** A request that was repeated has several; all are answered alike. */
  private final Map<Place, Deque<Responder>> acquires = new HashMap<>();

  private final Map<Long, Responder> requests = new HashMap<>();
  private final Map<Long, Long> volumes = new HashMap<>();
  private final Set<Long> ending = new HashSet<>();
  private Responder reclaim;

  private boolean warned;
  private long warnedNs;

  private LeaseTable table;
  private long term;
  private long run;

  Outbox(
      Peer master,
      LongUnaryOperator epochOf,
      Agent agent,
      SizeOwners sizeOwners,
      Pushers pushers,
      Times times,
      LockdCounters counters) {
    this.master = master;
    this.epochOf = epochOf;
    this.agent = agent;
    this.sizeOwners = sizeOwners;
    this.pushers = pushers;
    this.times = times;
    this.counters = counters;
  }

  void begin(long newTerm, LeaseTable newTable, long newRun) {
    term = newTerm;
    table = newTable;
    run = newRun;
  }

  /** Ends the term: everybody who waits is told so. */
  void drop(ErrorCode code, String reason) {
    table = null;
    sizeOwners.clear();
    acquires.values().forEach(all -> all.forEach(responder -> responder.fail(code, reason)));
    requests.values().forEach(responder -> responder.fail(code, reason));
    acquires.clear();
    requests.clear();
    ending.clear();
  }

  void await(long session, long inode, long lease, Responder responder) {
    Deque<Responder> all =
        acquires.computeIfAbsent(new Place(session, inode, lease), p -> new ArrayDeque<>());
    all.add(responder);
    if (all.size() > REPEATS_MAX) {
      all.remove().fail(ErrorCode.LEASE_TIMEOUT, "the request was repeated too often");
    }
  }

  void await(long request, Responder responder) {
    requests.put(request, responder);
  }

  void awaitReclaim(Responder responder) {
    reclaim = responder;
  }

  void forgetSession(long session) {
    volumes.remove(session);
    ending.remove(session);
  }

  boolean isOfVolume(long session, long volume) {
    return volumes.getOrDefault(session, 0L) == volume;
  }

  void run(List<Effect> effects) {
    for (Effect effect : effects) {
      carryOut(effect);
    }
    if (table.isSwept()) {
      sizeOwners.complete();
    }
  }

  private void carryOut(Effect effect) {
    if (effect instanceof Effect.Grant it) {
      counters.add("grants");
      grant(it);
    } else if (effect instanceof Effect.Refuse it) {
      counters.add("refusals");
      refuse(it);
    } else if (effect instanceof Effect.Recall it) {
      counters.add("recalls");
      recall(it);
    } else if (effect instanceof Effect.TellCleared it) {
      counters.add("clears");
      tellCleared(it);
    } else if (effect instanceof Effect.Query it) {
      query(it);
    } else if (effect instanceof Effect.AskSettle it) {
      counters.add("settles");
      settle(it);
    } else if (effect instanceof Effect.AskSettleOrphans it) {
      settleOrphans(it);
    } else if (effect instanceof Effect.AskEndSession it) {
      counters.add("sessions_to_end");
      endSession(it);
    } else if (effect instanceof Effect.AnswerReclaim it) {
      reclaim.reply(
          Reply.newBuilder()
              .setReclaim(ReclaimReply.newBuilder().addAllRefused(it.refused()))
              .build());
      reclaim = null;
    } else if (effect instanceof Effect.AnswerAttributes it) {
      requests.remove(it.request()).reply(Replies.failure(it.code(), ""));
    } else if (effect instanceof Effect.AnswerCondemn it) {
      condemned(it);
    } else if (effect instanceof Effect.SizeOwner it) {
      sizeOwners.set(it.inode(), it.session());
    } else {
      throw Check.unreachable("effect %s", effect);
    }
  }

  /** The grant carries the attributes of this instant: nobody else can change them now. */
  private void grant(Effect.Grant it) {
    Deque<Responder> all = acquires.remove(new Place(it.session(), it.inode(), it.lease()));
    if (all == null) {
      return;
    }
    Request request =
        Request.newBuilder()
            .setSession(it.session())
            .setGetAttributes(
                GetAttributes.newBuilder()
                    .setInode(it.inode())
                    .setTaken(it.mode() == LeaseMode.EXCLUSIVE))
            .build();
    Reply moved = Replies.failure(ErrorCode.NOT_LEADER, "lockd has moved");
    ask(
        request,
        times.memberCallNs(),
        reply -> {
          Reply answer = granted(it, reply);
          all.forEach(responder -> responder.reply(answer));
        },
        () -> all.forEach(responder -> responder.reply(moved)));
  }

  private Reply granted(Effect.Grant it, Reply reply) {
    switch (Replies.code(reply)) {
      case OK -> {
        Attributes attributes = reply.getAttributes().getAttributes();
        volumes.put(it.session(), attributes.getVolume());
        LeaseGrant.Builder grant =
            LeaseGrant.newBuilder().setLockdTerm(term).setAttributes(attributes);
        if (it.mode() == LeaseMode.EXCLUSIVE) {
          grant.setToken(Convert.message(it.token()));
        }
        long set = attributes.getSet();
        if (set != 0) {
          grant.setEpoch(epochOf.applyAsLong(set));
        }
        return Reply.newBuilder().setLeaseGrant(grant).build();
      }
      case NOT_FOUND, STALE_HANDLE, OBJECT_DELETED -> {
        giveUp(it);
        return Replies.failure(ErrorCode.STALE_HANDLE, "inode " + it.inode() + " is gone");
      }
      case SESSION_ENDED -> {
        run(table.onSessionEnded(it.session(), false, nowNs()));
        return reply;
      }
      default -> {
        // The lease stays: the client asks again with the same id.
        return Replies.failure(ErrorCode.BUSY, "no attributes yet: " + describe(reply));
      }
    }
  }

  /** Without the inode there is nothing left to hold, nor members that could differ. */
  private void giveUp(Effect.Grant it) {
    run(table.onRelease(it.session(), it.inode(), it.lease(), true, nowNs()));
  }

  /**
   * Any question with a session shows whether the master's log calls it open.
   *
   * @param then if so; the table knows it from then on
   * @param refused takes the answer for the client if not, or if that is not to be had now
   */
  void askWhetherOpen(long session, Runnable then, Consumer<Reply> refused) {
    Request request =
        Request.newBuilder()
            .setSession(session)
            .setGetAttributes(GetAttributes.getDefaultInstance())
            .build();
    ask(
        request,
        times.memberCallNs(),
        reply -> {
          switch (Replies.code(reply)) {
            case OK, NOT_FOUND, STALE_HANDLE, INVALID_ARGUMENT, BAD_REQUEST -> {
              run(table.onSessionOpened(session, nowNs()));
              then.run();
            }
            case SESSION_ENDED -> refused.accept(reply);
            default ->
                refused.accept(
                    Replies.failure(ErrorCode.BUSY, "no word on the session: " + describe(reply)));
          }
        },
        () -> refused.accept(Replies.failure(ErrorCode.NOT_LEADER, "lockd has moved")));
  }

  /** Who the sessions are; {@code then} runs also if the master does not say. */
  void askSessions(Consumer<ClusterStatusReply> onStatus, Runnable then) {
    ask(
        Request.newBuilder().setClusterStatus(ClusterStatus.getDefaultInstance()).build(),
        times.memberCallNs(),
        reply -> {
          if (Replies.isOk(reply)) {
            onStatus.accept(reply.getClusterStatus());
          }
          then.run();
        },
        then);
  }

  private void refuse(Effect.Refuse it) {
    Deque<Responder> all = acquires.remove(new Place(it.session(), it.inode(), it.lease()));
    if (all != null) {
      all.forEach(responder -> responder.fail(it.code(), it.reason()));
    }
  }

  private void recall(Effect.Recall it) {
    push(
        it.session(),
        Push.newBuilder()
            .setRecallLease(
                RecallLease.newBuilder()
                    .setInode(it.inode())
                    .setLease(it.lease())
                    .setWanted(it.wanted())));
  }

  private void tellCleared(Effect.TellCleared it) {
    push(
        it.session(),
        Push.newBuilder()
            .setLeaseCleared(LeaseCleared.newBuilder().setInode(it.inode()).setLease(it.lease())));
  }

  private void query(Effect.Query it) {
    push(
        it.session(),
        Push.newBuilder()
            .setQueryLease(
                QueryLease.newBuilder()
                    .setInode(it.inode())
                    .setLease(it.lease())
                    .setQuery(it.query())));
  }

  /** A push that finds no way is lost: the table repeats it. */
  private void push(long session, Push.Builder push) {
    if (!pushers.push(session, push.build())) {
      LOG.debug("push to session {} was not taken", session);
    }
  }

  private void settle(Effect.AskSettle it) {
    LOG.debug("inode {} is sealed with {} and settled", it.inode(), it.token());
    Request request =
        Request.newBuilder()
            .setSettleInode(
                SettleInode.newBuilder()
                    .setInode(it.inode())
                    .setSet(it.set())
                    .setToken(Convert.message(it.token())))
            .build();
    ask(
        request,
        SETTLE_TIMEOUT_NS,
        reply -> {
          boolean done = isSettled(reply);
          if (!done) {
            warnUnsettled(it.inode(), reply);
          }
          run(table.onSettled(it.inode(), it.token(), done, nowNs()));
        },
        () -> {});
  }

  /** One line a second: a set that is away may hold many leased files. */
  private void warnUnsettled(long inode, Reply reply) {
    long nowNs = nowNs();
    if (!warned || nowNs - warnedNs >= WARN_PAUSE_NS) {
      warned = true;
      warnedNs = nowNs;
      LOG.warn("inode {} is not settled yet: {}", inode, describe(reply));
    }
  }

  private void settleOrphans(Effect.AskSettleOrphans it) {
    SettleOrphans.Builder orphans = SettleOrphans.newBuilder().setSeal(Convert.message(it.seal()));
    for (Effect.Covered covered : it.covered()) {
      orphans.addCovered(
          SettleOrphans.Covered.newBuilder()
              .setInode(covered.inode())
              .setToken(Convert.message(covered.token())));
    }
    ask(
        Request.newBuilder().setSettleOrphans(orphans).build(),
        SETTLE_TIMEOUT_NS,
        reply -> {
          if (!Replies.isOk(reply)) {
            LOG.warn("orphaned marks are not settled yet: {}", describe(reply));
          }
          Set<Long> unswept = Set.copyOf(reply.getSettleOrphans().getUnsweptList());
          run(table.onOrphansSettled(it.seal(), Replies.isOk(reply), unswept, nowNs()));
        },
        () -> {});
  }

  /** That it has ended is said as always: by the master, with SessionEnded. */
  private void endSession(Effect.AskEndSession it) {
    if (!ending.add(it.session())) {
      return;
    }
    LOG.warn("session {} is ended: {}", it.session(), it.reason());
    Request request =
        Request.newBuilder()
            .setEndSession(EndSession.newBuilder().setSession(it.session()).setReason(it.reason()))
            .build();
    ask(request, times.operationNs(), reply -> ending.remove(it.session()), () -> {});
  }

  private void condemned(Effect.AnswerCondemn it) {
    Responder responder = requests.remove(it.request());
    if (!it.code().isOk()) {
      responder.fail(it.code(), "the inode is leased to somebody");
      return;
    }
    responder.reply(
        Reply.newBuilder()
            .setLeaseGrant(
                LeaseGrant.newBuilder().setToken(Convert.message(it.token())).setLockdTerm(term))
            .build());
  }

  /**
   * Asks the master.
   *
   * @param onReply on the agent, in the term that asked
   * @param onMoved on the agent, if that term is over
   */
  private void ask(Request request, long timeoutNs, Consumer<Reply> onReply, Runnable onMoved) {
    long asked = run;
    master.call(
        request,
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          enter(
              () -> {
                if (asked == run && table != null) {
                  onReply.accept(reply);
                } else {
                  onMoved.run();
                }
              });
        });
  }

  /** An answer of the master, or our own doing: never dropped, even if the inbox is full. */
  void enter(Runnable task) {
    if (!agent.execute(task)) {
      agent.schedule(0, task);
    }
  }

  private long nowNs() {
    return agent.clock().nowNs();
  }

  private static String describe(Reply reply) {
    return Replies.code(reply) + " " + reply.getMessage();
  }

  private static boolean isSettled(Reply reply) {
    return switch (Replies.code(reply)) {
      // Without an inode there is nothing whose members could differ for a reader.
      case OK, NOT_FOUND, OBJECT_DELETED, STALE_HANDLE -> true;
      default -> false;
    };
  }
}
