package io.lockstep.metadata.raft;

import io.lockstep.core.Agent;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.LogOperation;
import io.lockstep.wire.message.Reply;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Confined to the commit agent, but for {@link #submit}. Packs operations into entries: an
 * operation that finds the log idle goes at once; those that arrive while an entry is on its way
 * wait and go together as the next one. One entry costs one sync of the log and one batch of the
 * store, however many operations it carries.
 */
public final class GroupCommit {
  /** Is told once how an operation ended. Called on the updater thread or the commit agent. */
  public interface Done {
    void onDone(Reply reply);
  }

  private static final int OPERATIONS_MAX = 512;
  private static final int ENTRY_BYTES_MAX = 1 << 20;
  private static final int WAITING_MAX = 8192;

  private record Waiting(LogOperation.Builder operation, int sizeBytes, Done done) {}

  private final Agent agent;
  private final ReplicatedLog log;
  private final int entriesInFlightMax;
  private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
  private int entriesInFlight;
  private final AtomicLong entries = new AtomicLong();
  private final AtomicLong operations = new AtomicLong();

  public GroupCommit(Agent agent, ReplicatedLog log, int entriesInFlightMax) {
    this.agent = agent;
    this.log = log;
    this.entriesInFlightMax = entriesInFlightMax;
  }

  /**
   * Puts an operation on its way to the log, on any thread. The time is stamped when its entry is
   * made.
   *
   * @param done always called, with BUSY at once if too much is waiting
   */
  public void submit(LogOperation.Builder operation, Done done) {
    if (!agent.execute(() -> add(operation, done))) {
      done.onDone(Replies.failure(ErrorCode.BUSY, "too many operations are waiting for the log"));
    }
  }

  private void add(LogOperation.Builder operation, Done done) {
    if (waiting.size() >= WAITING_MAX) {
      done.onDone(Replies.failure(ErrorCode.BUSY, "too many operations are waiting for the log"));
      return;
    }
    waiting.add(new Waiting(operation, operation.build().getSerializedSize(), done));
    if (entriesInFlight == 0) {
      // Whoever stands in the inbox behind this one joins the same entry.
      if (!agent.execute(this::maybePropose)) {
        maybePropose();
      }
    }
  }

  private void maybePropose() {
    while (!waiting.isEmpty() && entriesInFlight < entriesInFlightMax) {
      propose();
    }
  }

  private void propose() {
    LogEntry.Builder entry = LogEntry.newBuilder().setVersion(1);
    List<Done> dones = new ArrayList<>();
    long nowNs = agent.clock().wallTimeNs();
    int bytes = 0;
    while (!waiting.isEmpty()
        && dones.size() < OPERATIONS_MAX
        && (bytes == 0 || bytes + waiting.peek().sizeBytes() <= ENTRY_BYTES_MAX)) {
      Waiting next = waiting.remove();
      bytes += next.sizeBytes();
      entry.addOperations(next.operation().setWallTimeNs(nowNs));
      dones.add(next.done());
    }
    entriesInFlight++;
    entries.incrementAndGet();
    operations.addAndGet(dones.size());
    log.propose(
        entry.build(),
        new ReplicatedLog.Handler() {
          @Override
          public void onExecuted(List<Reply> replies) {
            landed();
            for (int i = 0; i < dones.size(); i++) {
              dones.get(i).onDone(replies.get(i));
            }
          }

          @Override
          public void onFailed(ErrorCode code, String message) {
            landed();
            dones.forEach(done -> done.onDone(Replies.failure(code, message)));
          }
        });
  }

  private void landed() {
    // As a timer: it must not get lost when the inbox is full.
    agent.schedule(
        0,
        () -> {
          entriesInFlight--;
          maybePropose();
        });
  }

  /** What was proposed so far. */
  public Counts counts() {
    return new Counts(entries.get(), operations.get());
  }

  /** Entries that were proposed, and the operations that they carried. */
  public record Counts(long entries, long operations) {}
}
