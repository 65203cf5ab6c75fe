package io.lockstep.metadata.client;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.CloseSession;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.RenewSessionReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SessionReply;
import java.time.Duration;
import java.util.Collection;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * Any thread may call it; its own state is a session id that is set once, and parts that guard
 * themselves. The way of one process to the master: to whichever of several addresses leads.
 *
 * <p>A call is tried again over broken connections, changes of leader and BUSY until its time is
 * over. With a session open, every request carries it, and a mutation carries a sequence number
 * that stays the same in each try, so that the master executes it once (P11). Without a session it
 * serves the command line.
 *
 * <p>Listeners, pushes and renewals run on the agent.
 */
public final class MasterClient implements Peer, AutoCloseable {
  private static final Set<BodyCase> MUTATIONS =
      EnumSet.of(
          BodyCase.CREATE_INODE,
          BodyCase.REMOVE_ENTRY,
          BodyCase.RENAME_ENTRY,
          BodyCase.LINK_INODE,
          BodyCase.SET_ATTRIBUTES,
          BodyCase.REFRESH_INODES,
          BodyCase.SET_XATTR,
          BodyCase.REMOVE_XATTR);

  private static final int WINDOW_MAX = 8_192;

  /** A blocking call waits so much longer than the call itself lasts, before it calls it a bug. */
  private static final long SLACK_NS = Duration.ofSeconds(10).toNanos();

  private static final long CLOSE_TIMEOUT_NS = Duration.ofSeconds(5).toNanos();

  private final Way way;
  private final Times times;
  private final Sequences sequences;
  private final List<SessionEvents> listeners = new CopyOnWriteArrayList<>();

  private volatile Supplier<? extends Collection<Long>> openInodes = List::of;
  private volatile Renewal renewal;
  private volatile long session;
  private volatile boolean ended;

  /**
   * @param addresses of the masters, {@code host:port}, at least one
   * @param peers makes connections; what is pushed on them goes to {@link #onPush}
   * @param random for the pauses between tries; must guard itself, as {@link Random} does
   */
  public MasterClient(
      List<String> addresses, PeerDirectory peers, Agent agent, Times times, Random random) {
    this(addresses, peers, agent, times, random, new Sequences(WINDOW_MAX));
  }

  MasterClient(
      List<String> addresses,
      PeerDirectory peers,
      Agent agent,
      Times times,
      Random random,
      Sequences sequences) {
    this.sequences = sequences;
    this.way = new Way(peers, new Leader(addresses), agent, random);
    this.times = times;
  }

  /** To be called before {@link #openSession}, so that nothing is missed. */
  public void addListener(SessionEvents listener) {
    listeners.add(listener);
  }

  /**
   * Tells what this session has open, when a new leader asks.
   *
   * @param inodes called on the agent; must not block
   */
  public void setOpenInodes(Supplier<? extends Collection<Long>> inodes) {
    openInodes = inodes;
  }

  /** 0 as long as none is open. */
  public long session() {
    return session;
  }

  /** The master that is asked now. */
  public String leader() {
    return way.leader().current();
  }

  /** Opens the session of this client and keeps it alive from then on. Once. */
  public SessionReply openSession(OpenSession request, long timeoutNs) throws Outcome {
    Reply reply = ask(Request.newBuilder().setOpenSession(request).build(), timeoutNs);
    SessionReply opened = reply.getSession();
    onOpened(opened);
    return opened;
  }

  /** Takes up a session that was opened by a call of the caller's own. Once. */
  public void onOpened(SessionReply opened) {
    Renewal begun =
        new Renewal(way, times, opened.getSession(), () -> openInodes.get(), new RenewalListener());
    renewal = begun;
    session = opened.getSession();
    enter(begun::start);
  }

  /** Ends the session clean: everything is released already. Fails if the master is away. */
  public void closeSession() throws Outcome {
    if (session == 0 || ended) {
      return;
    }
    stopRenewal();
    try {
      ask(
          Request.newBuilder().setCloseSession(CloseSession.getDefaultInstance()).build(),
          CLOSE_TIMEOUT_NS);
    } finally {
      ended = true;
    }
  }

  /** Stops the renewals; the session ends by itself if it was not closed. */
  @Override
  public void close() {
    stopRenewal();
  }

  private void stopRenewal() {
    Renewal running = renewal;
    if (running != null) {
      enter(running::stop);
    }
  }

  /** To be registered for the pushes of the connections to the masters; any thread. */
  public void onPush(Push push) {
    // If the inbox is full it is lost: whoever pushes repeats it.
    way.agent().execute(() -> listeners.forEach(listener -> listener.onPush(push)));
  }

  @Override
  public void call(Request request, Payload payload, long timeoutNs, ReplyHandler onReply) {
    long mine = session;
    if (mine != 0 && ended) {
      payload.release();
      onReply.onReply(
          Replies.failure(ErrorCode.SESSION_ENDED, "session " + mine + " has ended"),
          Payload.EMPTY);
      return;
    }
    boolean ofSession = mine != 0 && request.getSession() == 0;
    Request sent = ofSession ? request.toBuilder().setSession(mine).build() : request;
    boolean mutation =
        ofSession && request.getSequence() == 0 && MUTATIONS.contains(request.getBodyCase());
    ReplyHandler observed =
        (reply, body) -> {
          if (mine != 0 && Replies.code(reply) == ErrorCode.SESSION_ENDED) {
            enter(() -> onSessionEnded(reply.getMessage()));
          }
          onReply.onReply(reply, body);
        };
    new MasterCall(way, sequences, mutation, sent, payload, timeoutNs, observed).attempt();
  }

  /**
   * A mutation of the namespace, executed once however often it is tried. Blocks; not on the agent.
   */
  public Reply mutate(Request.Builder request, long timeoutNs) throws Outcome {
    return ask(request.build(), timeoutNs);
  }

  /** Blocks until the answer is there; not on the agent. Throws for any code but OK. */
  public Reply ask(Request request, long timeoutNs) throws Outcome {
    return Replies.orThrow(askAny(request, timeoutNs));
  }

  /** Like {@link #ask}, but a refusal is returned with what it carries (as a Walk's is). */
  public Reply askAny(Request request, long timeoutNs) throws Outcome {
    CompletableFuture<Reply> answer = new CompletableFuture<>();
    call(
        request,
        timeoutNs,
        (reply, payload) -> {
          payload.release();
          answer.complete(reply);
        });
    try {
      return answer.get(timeoutNs + SLACK_NS, TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new Outcome(ErrorCode.TIMED_OUT, "interrupted while the master was asked");
    } catch (ExecutionException | TimeoutException e) {
      throw new Outcome(ErrorCode.TIMED_OUT, "no answer from the transport: " + e.getMessage());
    }
  }

  /** On the agent; once. */
  private void onSessionEnded(String reason) {
    if (!ended) {
      ended = true;
      renewal.stop();
      listeners.forEach(listener -> listener.onSessionEnded(reason));
    }
  }

  private void enter(Runnable task) {
    if (!way.agent().execute(task)) {
      way.agent().schedule(0, task);
    }
  }

  private final class RenewalListener implements Renewal.Listener {
    @Override
    public void onRenewed(long sentNs, RenewSessionReply reply) {
      listeners.forEach(
          listener -> listener.onRenewed(sentNs, reply.getLockdTerm(), reply.getEpochsList()));
    }

    @Override
    public void onEnded(String reason) {
      onSessionEnded(reason);
    }
  }
}
