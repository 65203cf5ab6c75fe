package io.lockstep.fs.vfs;

import com.google.protobuf.ByteString;
import io.lockstep.core.Clock;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.wire.SessionEvents;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.ReleaseNames;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.SetEpoch;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Guarded by the lock of its {@link NameCache}, and one volatile moment. Answers for names and
 * attributes under directory leases (P14), as long as the lease clock allows (P13): it counts from
 * sending the renewal. What is recalled is dropped at once, on the thread that brings the recall.
 *
 * <p>A new lockd knows none of the leases: all are dropped before it is told that this session has
 * none left.
 */
public final class Names implements SessionEvents {
  private static final int ENTRIES_MAX = 65_536;

  private final NameCache cache;
  private final Clock clock;
  private final long holderLifeNs;
  private final Consumer<Request> tell;
  private volatile boolean counting;
  private volatile long leaseUntilNs;
  private volatile long term;

  /**
   * @param tell sends to lockd without waiting; what gets lost is asked for again
   */
  public Names(Clock clock, Times times, Consumer<Request> tell) {
    this(clock, times, tell, new NameCache(ENTRIES_MAX));
  }

  Names(Clock clock, Times times, Consumer<Request> tell, NameCache cache) {
    this.cache = cache;
    this.clock = clock;
    this.holderLifeNs = times.holderLifeNs();
    this.tell = tell;
  }

  /** Never renewed: keeps nothing, asks for no lease. */
  static Names none(Clock clock) {
    return new Names(clock, Times.DEFAULT, request -> {});
  }

  /** Names kept at the moment. */
  public int entries() {
    return cache.entries();
  }

  /**
   * Size or times of the file are no longer what the master said last: this mount has written it.
   * Any thread; never blocks.
   */
  public void touched(long inode) {
    cache.onTouched(inode);
  }

  private boolean isValid() {
    return counting && leaseUntilNs - clock.nowNs() > 0;
  }

  // ---- answers

  /** Null if the master has to be asked. */
  NameCache.@Nullable Found lookup(long parent, ByteString name) {
    return isValid() ? cache.lookup(parent, name) : null;
  }

  /** Null if the master has to be asked. */
  @Nullable Attributes attributes(long inode) {
    return isValid() ? cache.attributes(inode) : null;
  }

  /** Whether these are still the attributes that are answered, and not just equal to them. */
  @SuppressWarnings("ReferenceEquality") // Equal ones may have come and gone in between.
  boolean isCurrent(Attributes attributes) {
    return attributes(attributes.getInode()) == attributes;
  }

  // ---- questions

  NameAsk ask(long directory, boolean find) {
    boolean propose = isValid();
    return cache.ask(directory, propose, propose && find);
  }

  NameAsk askAttributes(long inode) {
    return cache.askAttributes(inode, isValid());
  }

  /** Sends a question with the leases that it proposes. */
  Reply send(MasterCalls master, NameAsk ask, Request.Builder request) throws Outcome {
    boolean answered = false;
    try {
      request.setNamesLease(ask.lease).setFoundNamesLease(ask.foundLease);
      Reply reply = master.askAny(request.build());
      answered = true;
      return reply;
    } finally {
      if (!answered) {
        cache.onNothing(ask);
      }
    }
  }

  NameCache cache() {
    return cache;
  }

  /** To be called when something was taken into the cache. */
  void release() {
    List<ReleaseNames.Item> released = cache.takeReleased();
    if (!released.isEmpty()) {
      tell.accept(
          Request.newBuilder()
              .setReleaseNames(ReleaseNames.newBuilder().addAllLeases(released))
              .build());
    }
  }

  // ---- changes

  /** Sends a change; a refusal is noted, and thrown. Its success is the caller's to note. */
  Reply send(MasterCalls master, NameChange change, Request.Builder request) throws Outcome {
    try {
      return master.mutate(request.setFoundNamesLease(change.ask.foundLease));
    } catch (Outcome e) {
      failed(change, e.code());
      throw e;
    }
  }

  void failed(NameChange change, ErrorCode code) {
    if (isRefusal(code)) {
      cache.onRefused(change);
    } else {
      cache.onUnknown(change);
    }
  }

  NameChange change(boolean make, long... inodes) {
    return cache.change(make && isValid(), inodes);
  }

  /** Whether it was surely not executed, and never will be. */
  static boolean isRefusal(ErrorCode code) {
    return code.advice() == ErrorCode.Advice.FIX
        || switch (code) {
          case NOT_SUPPORTED, NOT_IMPLEMENTED, BAD_REQUEST, STALE_TOKEN, SESSION_ENDED -> true;
          default -> false;
        };
  }

  // ---- the session

  @Override
  public void onRenewed(long sentNs, long lockdTerm, List<SetEpoch> epochs) {
    if (!isValid() || lockdTerm != term) {
      cache.clear(false);
    }
    term = lockdTerm;
    leaseUntilNs = counting ? Math.max(leaseUntilNs, sentNs + holderLifeNs) : sentNs + holderLifeNs;
    counting = true;
  }

  @Override
  public void onPush(Push push) {
    if (push.hasRecallNames()) {
      long directory = push.getRecallNames().getDirectory();
      long lease = push.getRecallNames().getLease();
      cache.onRecall(directory, lease);
      ReleaseNames.Item.Builder item =
          ReleaseNames.Item.newBuilder().setDirectory(directory).setLease(lease);
      tell.accept(
          Request.newBuilder().setReleaseNames(ReleaseNames.newBuilder().addLeases(item)).build());
    }
  }

  @Override
  public void onSessionEnded(String reason) {
    counting = false;
    cache.clear(true);
  }
}
