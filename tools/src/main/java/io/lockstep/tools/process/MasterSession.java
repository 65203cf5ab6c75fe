package io.lockstep.tools.process;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.fs.vfs.MasterPort;
import io.lockstep.metadata.client.MasterClient;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.OpenInode;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SessionReply;
import io.lockstep.wire.message.SetEpoch;
import java.util.Collection;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Any thread may call it; what changes is one volatile reference, written by the thread that opens
 * a session. The way of a mount to the master over one session after another: when the master has
 * ended one (the mount was cut off for longer than its life), the next is opened as soon as a
 * master answers. What was lost with the old one is the business of the listener.
 */
final class MasterSession implements Peer, MasterPort, AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(MasterSession.class);
  private static final long TRY_NS = TimeUnit.SECONDS.toNanos(5);
  private static final long PAUSE_NS = TimeUnit.MILLISECONDS.toNanos(200);

  private final List<String> masters;
  private final PeerDirectory peers;
  private final Agent agent;
  private final OpenSession request;

  /** Requests by kind since the start: what an operation costs in messages. */
  private final ConcurrentHashMap<Request.BodyCase, LongAdder> asked = new ConcurrentHashMap<>();

  private volatile MasterClient current;
  private volatile boolean closed;
  private volatile SessionEvents listener;
  private volatile Consumer<SessionReply> onReopened;
  private volatile Supplier<? extends Collection<Long>> openInodes = List::of;

  MasterSession(List<String> masters, PeerDirectory peers, Agent agent, OpenSession request) {
    this.masters = List.copyOf(masters);
    this.peers = peers;
    this.agent = agent;
    this.request = request;
    this.current = newClient();
  }

  private MasterClient newClient() {
    MasterClient client = new MasterClient(masters, peers, agent, Times.DEFAULT, new Random());
    client.addListener(new Events(client));
    client.setOpenInodes(() -> openInodes.get());
    return client;
  }

  /** The session that a connection to a server announces; 0 = none yet. */
  long session() {
    MasterClient client = current;
    return client == null ? 0 : client.session();
  }

  void onPush(Push push) {
    MasterClient client = current;
    if (client != null) {
      client.onPush(push);
    }
  }

  /**
   * Opens the first session, waiting for master and volume.
   *
   * @param waitNs 0 = what is not there now is an error
   */
  SessionReply open(long waitNs) throws Outcome {
    long deadlineNs = System.nanoTime() + waitNs;
    while (true) {
      try {
        return current.openSession(request, Math.max(TRY_NS, deadlineNs - System.nanoTime()));
      } catch (Outcome e) {
        boolean wait = e.code() == ErrorCode.NOT_FOUND || e.code() == ErrorCode.NOT_ENOUGH_REPLICAS;
        if (!wait || System.nanoTime() - deadlineNs >= 0) {
          throw e;
        }
        LockSupport.parkNanos(PAUSE_NS);
      }
    }
  }

  /**
   * Who lives by the session.
   *
   * @param reopened told on the thread that opened a new session
   * @param inodes that are open: told to the master anew
   */
  void serve(
      SessionEvents events,
      Consumer<SessionReply> reopened,
      Supplier<? extends Collection<Long>> inodes) {
    onReopened = reopened;
    openInodes = inodes;
    listener = events;
  }

  @Override
  public void call(Request call, Payload payload, long timeoutNs, ReplyHandler onReply) {
    count(call.getBodyCase());
    current.call(call, payload, timeoutNs, onReply);
  }

  @Override
  public Reply ask(Request question, long timeoutNs) throws Outcome {
    count(question.getBodyCase());
    return current.ask(question, timeoutNs);
  }

  @Override
  public Reply askAny(Request question, long timeoutNs) throws Outcome {
    count(question.getBodyCase());
    return current.askAny(question, timeoutNs);
  }

  @Override
  public Reply mutate(Request.Builder mutation, long timeoutNs) throws Outcome {
    count(mutation.getBodyCase());
    return current.mutate(mutation, timeoutNs);
  }

  private void count(Request.BodyCase kind) {
    asked.computeIfAbsent(kind, k -> new LongAdder()).increment();
  }

  /** Ends the session clean. */
  @Override
  public void close() {
    closed = true;
    LOG.info("requests to the master by kind: {}", asked);
    try {
      current.closeSession();
    } catch (Outcome e) {
      LOG.info("the session was not closed, it ends by itself: {}", e.getMessage());
    }
    current.close();
  }

  private void reopen() {
    MasterClient next = newClient();
    while (!closed) {
      try {
        SessionReply opened = next.openSession(request, TRY_NS);
        current = next;
        LOG.info("session {} is open in place of the one that ended", opened.getSession());
        tellOpenInodes(next);
        onReopened.accept(opened);
        return;
      } catch (Outcome e) {
        LOG.warn("no new session yet: {}", e.getMessage());
        LockSupport.parkNanos(PAUSE_NS);
      }
    }
  }

  private void tellOpenInodes(MasterClient client) {
    for (long inode : openInodes.get()) {
      try {
        OpenInode open = OpenInode.newBuilder().setInode(inode).build();
        client.ask(Request.newBuilder().setOpenInode(open).build(), TRY_NS);
      } catch (Outcome e) {
        // Removed meanwhile, with nobody known to have it open: it is gone.
        LOG.info("inode {} is open no more: {}", inode, e.getMessage());
      }
    }
  }

  /** Confined to the agent. Events of one session; those of a former one are over. */
  private final class Events implements SessionEvents {
    private final MasterClient client;

    Events(MasterClient client) {
      this.client = client;
    }

    private boolean isCurrent() {
      return client == current && listener != null;
    }

    @Override
    public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {
      if (isCurrent()) {
        listener.onRenewed(sentNs, lockdTerm, epochs);
      }
    }

    @Override
    public void onPush(Push push) {
      if (isCurrent()) {
        listener.onPush(push);
      }
    }

    @Override
    public void onSessionEnded(String reason) {
      if (isCurrent()) {
        LOG.warn("the master has ended session {}: {}", client.session(), reason);
        listener.onSessionEnded(reason);
        if (!closed) {
          Thread opener = new Thread(MasterSession.this::reopen, "session");
          opener.setDaemon(true);
          opener.start();
        }
      }
    }
  }
}
