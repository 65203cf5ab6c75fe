package io.lockstep.metadata.client;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Times;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.RenewSession;
import io.lockstep.wire.message.RenewSessionReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.Iterator;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Confined to the client's agent. Keeps one session alive: a renewal in each period, and again
 * after a short pause when one fails.
 *
 * <p>A renewal counts from the instant at which it was sent (P13), so a late answer gives no more
 * life than it should.
 */
final class Renewal {
  /** What happens to the session; on the agent. */
  interface Listener {
    void onRenewed(long sentNs, RenewSessionReply reply);

    void onEnded(String reason);
  }

  private static final Logger LOG = LoggerFactory.getLogger(Renewal.class);

  /** Open inodes told in one message. */
  private static final int INODES_MAX = 50_000;

  private final Way way;
  private final Times times;
  private final long session;
  private final Supplier<? extends Collection<Long>> openInodes;
  private final Listener listener;
  private final Backoff backoff;

  /** What the leader wants to hear of open inodes, in parts; the first is sent next. */
  private final Deque<RenewSession> toTell = new ArrayDeque<>();

  private boolean stopped;
  private boolean retrying;
  private boolean renewedOnce;
  private long renewedNs;

  Renewal(
      Way way,
      Times times,
      long session,
      Supplier<? extends Collection<Long>> openInodes,
      Listener listener) {
    this.way = way;
    this.times = times;
    this.session = session;
    this.openInodes = openInodes;
    this.listener = listener;
    this.backoff = way.newBackoff();
  }

  void start() {
    if (!stopped) {
      send();
      way.agent().schedule(times.renewalNs(), this::start);
    }
  }

  void stop() {
    stopped = true;
  }

  private void send() {
    RenewSession body = toTell.isEmpty() ? RenewSession.getDefaultInstance() : toTell.peek();
    Request request = Request.newBuilder().setSession(session).setRenewSession(body).build();
    String address = way.leader().current();
    long sentNs = way.nowNs();
    // The connection may be dead: a try must not outlive the next ones by much.
    long timeoutNs = Math.min(2 * times.renewalNs(), times.leaseLifeNs() / 3);
    way.peer(address)
        .call(
            request,
            timeoutNs,
            (reply, payload) -> {
              payload.release();
              enter(() -> onReply(address, sentNs, body, reply));
            });
  }

  private void onReply(String address, long sentNs, RenewSession told, Reply reply) {
    if (stopped) {
      return;
    }
    ErrorCode code = Replies.code(reply);
    if (code.isOk()) {
      onRenewed(sentNs, told, reply.getRenewSession());
    } else if (code == ErrorCode.SESSION_ENDED) {
      stopped = true;
      listener.onEnded(reply.getMessage());
    } else {
      // The next to answer may be a new leader, who has heard none of the parts.
      toTell.clear();
      boolean known = way.onFailure(address, code, reply);
      retrySoon(known, code, reply.getMessage());
    }
  }

  private void onRenewed(long sentNs, RenewSession told, RenewSessionReply reply) {
    backoff.reset();
    // Not if it is a part that was answered before: tries overlap.
    if (told.equals(toTell.peek())) {
      toTell.poll();
    }
    if (!renewedOnce || sentNs - renewedNs > 0) {
      renewedOnce = true;
      renewedNs = sentNs;
      listener.onRenewed(sentNs, reply);
    }
    boolean toldAll = told.getOpenInodesComplete();
    if (reply.getWantsOpenInodes() && toTell.isEmpty() && !toldAll) {
      splitOpenInodes();
    }
    if (!toTell.isEmpty() && !stopped) {
      send();
    }
  }

  private void splitOpenInodes() {
    Iterator<Long> each = openInodes.get().iterator();
    do {
      RenewSession.Builder part = RenewSession.newBuilder();
      while (each.hasNext() && part.getOpenInodesCount() < INODES_MAX) {
        part.addOpenInodes(each.next());
      }
      toTell.add(part.setOpenInodesComplete(!each.hasNext()).build());
    } while (each.hasNext());
  }

  private void retrySoon(boolean known, ErrorCode code, String message) {
    LOG.debug("renewal of session {} failed: {} {}", session, code, message);
    if (retrying) {
      return;
    }
    retrying = true;
    long pauseNs = backoff.nextNs();
    way.agent()
        .schedule(
            known ? Math.min(pauseNs, times.renewalNs() / 20) : pauseNs,
            () -> {
              retrying = false;
              if (!stopped) {
                send();
              }
            });
  }

  private void enter(Runnable task) {
    if (!way.agent().execute(task)) {
      way.agent().schedule(0, task);
    }
  }
}
