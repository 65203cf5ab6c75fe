package io.lockstep.simulation.cluster;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.metadata.kv.KvStore;
import io.lockstep.metadata.kv.KvTransaction;
import io.lockstep.metadata.raft.RaftEvents;
import io.lockstep.metadata.raft.ReplicatedLog;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.VirtualTime;
import io.lockstep.wire.message.LogEntry;
import io.lockstep.wire.message.Reply;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.Random;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;

/** The model keeps the law of {@link ReplicatedLog}; a wrong model is noticed. */
class ModelLogTest extends ReplicatedLogContract {
  private static final int SEEDS = 40;

  @Override
  int seeds() {
    return SEEDS;
  }

  @Override
  LogMedium medium() {
    return new SimLogs();
  }

  /** Confined to its test. The model on a simulated master. */
  private static class SimLogs implements LogMedium {
    private static final long WAIT_NS = 20_000_000_000L;

    private final VirtualTime time = new VirtualTime();
    private final Random random = new Random(5);
    private final SimHost host = new SimHost(time, "master", new Random(6));
    private ModelLog.Disk disk = new ModelLog.Disk();

    @Override
    public ReplicatedLog open(RaftEvents events) {
      host.restart();
      return new ModelLog(host, random, 7, disk, events);
    }

    @Override
    public void kill(ReplicatedLog run) {
      host.crash();
    }

    void forgetAll() {
      disk = new ModelLog.Disk();
    }

    @Override
    public void await(String what, BooleanSupplier condition) {
      long endNs = time.nowNs() + WAIT_NS;
      while (!condition.getAsBoolean()) {
        if (time.nowNs() > endNs || !time.step()) {
          throw new AssertionError("waited in vain for " + what);
        }
      }
    }
  }

  /** Of generated cases, how many notice this medium. */
  private static int noticed(Supplier<LogMedium> medium) throws IOException {
    int noticed = 0;
    for (long seed = 1; seed <= SEEDS; seed++) {
      try {
        new LogCase(seed, medium.get()).run();
      } catch (AssertionError e) {
        noticed++;
      } catch (Check.BrokenInvariant e) {
        // The model itself refuses to be used in this way, which is no proof.
      }
    }
    return noticed;
  }

  private static LogMedium events(UnaryOperator<RaftEvents> wrapper) {
    return new SimLogs() {
      @Override
      public ReplicatedLog open(RaftEvents events) {
        return super.open(wrapper.apply(events));
      }
    };
  }

  private static LogMedium logs(UnaryOperator<ReplicatedLog> wrapper) {
    return new SimLogs() {
      @Override
      public ReplicatedLog open(RaftEvents events) {
        return wrapper.apply(super.open(events));
      }
    };
  }

  @Test
  void logThatForgetsWhatItAnsweredIsNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    new SimLogs() {
                      @Override
                      public void kill(ReplicatedLog run) {
                        super.kill(run);
                        forgetAll();
                      }
                    }))
        .isPositive();
  }

  @Test
  void entryThatIsExecutedTwiceIsNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    events(
                        owner ->
                            new Passing(owner) {
                              @Override
                              public List<Reply> apply(
                                  KvTransaction state, LogEntry entry, long index) {
                                owner.apply(state, entry, index);
                                return owner.apply(state, entry, index);
                              }
                            })))
        .isPositive();
  }

  @Test
  void changesThatAreToldAfterTheAnswerAreNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    events(
                        owner ->
                            new Passing(owner) {
                              private Runnable late = () -> {};

                              @Override
                              public void onApplied(LogEntry entry, List<Reply> all, long index) {
                                late.run();
                                late = () -> owner.onApplied(entry, all, index);
                              }
                            })))
        .isPositive();
  }

  @Test
  void leadingBeforeEverythingIsExecutedIsNoticed() throws Exception {
    assertThat(
            noticed(
                () ->
                    events(
                        owner ->
                            new Passing(owner) {
                              private boolean told;

                              @Override
                              public void onApplied(LogEntry entry, List<Reply> all, long index) {
                                if (!told) {
                                  told = true;
                                  owner.onLeading();
                                }
                                owner.onApplied(entry, all, index);
                              }
                            })))
        .isPositive();
  }

  @Test
  void entriesInAnotherOrderAreNoticed() throws Exception {
    assertThat(noticed(() -> logs(Swapping::new))).isPositive();
  }

  @Test
  void twoAnswersAreNoticed() throws Exception {
    assertThat(noticed(() -> logs(Stammering::new))).isPositive();
  }

  /** Immutable. Passes everything on. */
  private static class Passing implements RaftEvents {
    private final RaftEvents owner;

    Passing(RaftEvents owner) {
      this.owner = owner;
    }

    @Override
    public List<Reply> apply(KvTransaction state, LogEntry entry, long index) {
      return owner.apply(state, entry, index);
    }

    @Override
    public void onApplied(LogEntry entry, List<Reply> replies, long index) {
      owner.onApplied(entry, replies, index);
    }

    @Override
    public void onLeading() {
      owner.onLeading();
    }

    @Override
    public void onFollowing() {
      owner.onFollowing();
    }

    @Override
    public void onFailure(String what, Throwable failure) {
      owner.onFailure(what, failure);
    }
  }

  /** Immutable. Passes everything on. */
  private static class PassingLog implements ReplicatedLog {
    final ReplicatedLog log;

    PassingLog(ReplicatedLog log) {
      this.log = log;
    }

    @Override
    public long cluster() {
      return log.cluster();
    }

    @Override
    public void start() throws IOException {
      log.start();
    }

    @Override
    public KvStore.Snapshot snapshot() {
      return log.snapshot();
    }

    @Override
    public long appliedIndex() {
      return log.appliedIndex();
    }

    @Override
    public void propose(LogEntry entry, Handler handler) {
      log.propose(entry, handler);
    }

    @Override
    public void close() throws IOException {
      log.close();
    }
  }

  /** Confined to its test. The second of two entries comes first, if it is the longer one. */
  private static final class Swapping extends PassingLog {
    private final Deque<LogEntry> held = new ArrayDeque<>();

    Swapping(ReplicatedLog log) {
      super(log);
    }

    @Override
    public void propose(LogEntry entry, Handler handler) {
      if (entry.getOperationsCount() == 1 && held.isEmpty()) {
        held.add(entry);
        handler.onFailed(ErrorCode.TIMED_OUT, "it is late");
      } else {
        log.propose(entry, handler);
        while (!held.isEmpty()) {
          log.propose(held.poll(), new Deaf());
        }
      }
    }
  }

  private static final class Deaf implements ReplicatedLog.Handler {
    @Override
    public void onExecuted(List<Reply> replies) {}

    @Override
    public void onFailed(ErrorCode code, String message) {}
  }

  /** Immutable. Says everything twice. */
  private static final class Stammering extends PassingLog {
    Stammering(ReplicatedLog log) {
      super(log);
    }

    @Override
    public void propose(LogEntry entry, Handler handler) {
      log.propose(
          entry,
          new Handler() {
            @Override
            public void onExecuted(List<Reply> replies) {
              handler.onExecuted(replies);
              handler.onExecuted(replies);
            }

            @Override
            public void onFailed(ErrorCode code, String message) {
              handler.onFailed(code, message);
            }
          });
    }
  }
}
