package io.lockstep.simulation.cluster;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.metadata.raft.RaftEvents;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.Reply;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;

/**
 * Guarded by its own lock. The owner of a log for one run: a state machine that gives each sequence
 * the next position once, and remembers which; and a record of all that the log told it, and of
 * what it should not have.
 */
final class LogMachine implements RaftEvents {
  private static final byte[] COUNT = {0};
  private static final byte POSITION = 1;
  private static final byte SEQUENCE = 2;

  @GuardedBy("this")
  private final List<String> wrong = new ArrayList<>();

  @GuardedBy("this")
  private final TreeMap<Integer, Proposed> proposed = new TreeMap<>();

  @GuardedBy("this")
  private ReplicatedLog log;

  @GuardedBy("this")
  private long lastIndex;

  @GuardedBy("this")
  private long announcedIndex;

  @GuardedBy("this")
  private int announced;

  @GuardedBy("this")
  private List<Long> whenLeading;

  /** Guarded by the machine. An entry of this run. */
  private static final class Proposed {
    private int answers;
    private List<Long> positions;
    private ErrorCode failure;
  }

  /**
   * What became of an entry: positions of its operations, or a failure; null as long as neither.
   */
  record Answer(List<Long> positions, ErrorCode failure) {}

  synchronized void of(ReplicatedLog opened) {
    log = opened;
  }

  private synchronized void wrong(String what) {
    wrong.add(what);
  }

  synchronized List<String> wrong() {
    return List.copyOf(wrong);
  }

  // ---- the state

  private static byte[] key(byte kind, long number) {
    return ByteBuffer.allocate(1 + Long.BYTES).put(kind).putLong(number).array();
  }

  private static long number(byte[] value) {
    return value == null ? 0 : ByteBuffer.wrap(value).getLong();
  }

  private static byte[] value(long number) {
    return ByteBuffer.allocate(Long.BYTES).putLong(number).array();
  }

  @Override
  public List<Reply> apply(KvTransaction state, LogEntry entry, long index) {
    synchronized (this) {
      if (index <= lastIndex) {
        wrong.add("entry " + index + " is executed after entry " + lastIndex);
      }
      lastIndex = index;
    }
    List<Reply> replies = new ArrayList<>();
    for (LogOperation operation : entry.getOperationsList()) {
      byte[] known = key(SEQUENCE, operation.getSequence());
      long position = number(state.get(known));
      if (position == 0) {
        position = number(state.get(COUNT)) + 1;
        state.put(COUNT, value(position));
        state.put(key(POSITION, position), value(operation.getSequence()));
        state.put(known, value(position));
      }
      replies.add(Reply.newBuilder().setMessage(Long.toString(position)).build());
    }
    return replies;
  }

  /** The sequences in the order of their positions. */
  static List<Long> order(KvReader state) {
    List<Long> order = new ArrayList<>();
    byte[] from = {POSITION};
    byte[] to = {SEQUENCE};
    state.scan(from, to, (key, value) -> order.add(number(value)));
    Check.that(order.size() == number(state.get(COUNT)), "the machine lost count");
    return order;
  }

  /** What can be read now, or null if nothing can. */
  private static List<Long> order(ReplicatedLog log) {
    try (KvStore.Snapshot state = log.snapshot()) {
      return state == null ? null : order(state);
    }
  }

  // ---- what the log tells

  @Override
  public void onApplied(LogEntry entry, List<Reply> replies, long index) {
    List<Long> order = order(running());
    synchronized (this) {
      announced++;
      announcedIndex = index;
      if (index != lastIndex) {
        wrong.add("entry " + lastIndex + " was executed, told is " + index);
      }
      for (LogOperation operation : entry.getOperationsList()) {
        if (order == null || !order.contains(operation.getSequence())) {
          wrong.add("sequence " + operation.getSequence() + " cannot be read yet: " + order);
        }
      }
    }
  }

  @Override
  public void onLeading() {
    List<Long> order = order(running());
    synchronized (this) {
      whenLeading = order;
    }
  }

  @Override
  public void onFollowing() {
    // A master on its own follows until it is elected.
  }

  @Override
  public void onFailure(String what, Throwable failure) {
    wrong(what + ": " + failure);
  }

  private synchronized ReplicatedLog running() {
    return log;
  }

  /** What could be read when it began to lead, or null if it does not yet. */
  synchronized List<Long> whenLeading() {
    return whenLeading;
  }

  /** What can be read now. */
  List<Long> order() {
    return order(running());
  }

  // ---- proposals

  /** Proposes an entry with these sequences. */
  void propose(int number, List<Long> sequences) {
    LogEntry.Builder entry = LogEntry.newBuilder().setVersion(1);
    sequences.forEach(
        sequence ->
            entry.addOperations(LogOperation.newBuilder().setSession(1).setSequence(sequence)));
    synchronized (this) {
      proposed.put(number, new Proposed());
    }
    running()
        .propose(
            entry.build(),
            new ReplicatedLog.Handler() {
              @Override
              public void onExecuted(List<Reply> replies) {
                List<Long> positions =
                    replies.stream().map(reply -> Long.valueOf(reply.getMessage())).toList();
                answered(number, positions, null);
              }

              @Override
              public void onFailed(ErrorCode code, String message) {
                answered(number, null, code);
              }
            });
  }

  private synchronized void answered(int number, List<Long> positions, ErrorCode failure) {
    Proposed entry = proposed.get(number);
    entry.answers++;
    if (entry.answers > 1) {
      wrong.add("entry " + number + " is answered " + entry.answers + " times");
    }
    if (positions != null && announcedIndex != lastIndex) {
      wrong.add("entry " + number + " is answered before its changes are told");
    }
    entry.positions = positions;
    entry.failure = failure;
  }

  synchronized Answer answer(int number) {
    Proposed entry = proposed.get(number);
    return entry.answers == 0 ? null : new Answer(entry.positions, entry.failure);
  }

  synchronized boolean isAllAnswered() {
    return proposed.values().stream().allMatch(entry -> entry.answers > 0);
  }

  synchronized long lastIndex() {
    return lastIndex;
  }

  /** How often changes were told. */
  synchronized int announced() {
    return announced;
  }
}
