package io.lockstep.core;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** An agent runs its tasks one after another on one thread, within bounds. */
class AgentThreadTest {
  private static final long MS = TimeUnit.MILLISECONDS.toNanos(1);
  private static final int INBOX_MAX = 10;

  private final List<Throwable> failures = Collections.synchronizedList(new ArrayList<>());
  private final AgentThread agent =
      new AgentThread(
              "test", SystemClock.INSTANCE, INBOX_MAX, (name, failure) -> failures.add(failure))
          .start();

  @AfterEach
  void close() {
    agent.close();
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(10, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /** Keeps the agent busy until the latch is counted down. */
  private CountDownLatch block() {
    CountDownLatch running = new CountDownLatch(1);
    CountDownLatch goOn = new CountDownLatch(1);
    agent.execute(
        () -> {
          running.countDown();
          await(goOn);
        });
    await(running);
    return goOn;
  }

  @Test
  void tasksRunInOrderOnItsThread() {
    List<Integer> ran = new ArrayList<>();
    CountDownLatch done = new CountDownLatch(1);
    for (int i = 0; i < 5; i++) {
      int number = i;
      assertThat(
              agent.execute(
                  () -> {
                    assertThat(agent.isCurrent()).isTrue();
                    ran.add(number);
                  }))
          .isTrue();
    }
    agent.execute(done::countDown);
    await(done);
    assertThat(ran).containsExactly(0, 1, 2, 3, 4);
    assertThat(agent.isCurrent()).isFalse();
    assertThat(failures).isEmpty();
  }

  @Test
  void tasksFromManyThreadsAreEachRunOnce() throws Exception {
    AtomicInteger accepted = new AtomicInteger();
    int[] ran = new int[1]; // No lock: confined to the agent.
    List<Thread> threads = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      Thread thread =
          new Thread(
              () -> {
                for (int i = 0; i < 10_000; i++) {
                  if (agent.execute(() -> ran[0]++)) {
                    accepted.incrementAndGet();
                  }
                }
              });
      thread.start();
      threads.add(thread);
    }
    for (Thread thread : threads) {
      thread.join();
    }
    agent.close();
    assertThat(ran[0]).isEqualTo(accepted.get()).isPositive();
  }

  @Test
  void aFullInboxRefusesAndTakesAgainLater() {
    CountDownLatch goOn = block();
    CountDownLatch ran = new CountDownLatch(INBOX_MAX);
    AtomicInteger refused = new AtomicInteger();
    for (int i = 0; i < INBOX_MAX; i++) {
      assertThat(agent.execute(ran::countDown)).isTrue();
    }
    assertThat(agent.execute(refused::incrementAndGet)).isFalse();
    goOn.countDown();
    await(ran);
    CountDownLatch later = new CountDownLatch(1);
    assertThat(agent.execute(later::countDown)).isTrue();
    await(later);
    assertThat(refused).hasValue(0);
  }

  @Test
  void timersRunInOrderOfTheirTimesAndNotTooEarly() {
    List<String> ran = new ArrayList<>();
    CountDownLatch done = new CountDownLatch(3);
    long started = System.nanoTime();
    agent.schedule(60 * MS, () -> add(ran, "late", done));
    agent.schedule(20 * MS, () -> add(ran, "early", done));
    agent.schedule(20 * MS, () -> add(ran, "early, scheduled later", done));
    await(done);
    assertThat(System.nanoTime() - started).isGreaterThanOrEqualTo(60 * MS);
    assertThat(ran).containsExactly("early", "early, scheduled later", "late");
  }

  private static void add(List<String> ran, String name, CountDownLatch done) {
    ran.add(name);
    done.countDown();
  }

  @Test
  void aTimerOfATimerRuns() {
    CountDownLatch done = new CountDownLatch(1);
    agent.schedule(MS, () -> agent.schedule(MS, done::countDown));
    await(done);
  }

  @Test
  void timersAreNotBoundedByTheInbox() {
    CountDownLatch goOn = block();
    CountDownLatch done = new CountDownLatch(10 * INBOX_MAX);
    for (int i = 0; i < 10 * INBOX_MAX; i++) {
      agent.schedule(0, done::countDown);
    }
    goOn.countDown();
    await(done);
  }

  @Test
  void aCancelledTimerDoesNotRun() {
    CountDownLatch goOn = block();
    AtomicInteger ran = new AtomicInteger();
    Agent.Timer timer = agent.schedule(0, ran::incrementAndGet);
    timer.cancel();
    goOn.countDown();
    block().countDown();
    assertThat(ran).hasValue(0);
  }

  @Test
  void whatATaskThrowsGoesToTheHandlerAndTheAgentGoesOn() {
    CountDownLatch done = new CountDownLatch(1);
    agent.execute(
        () -> {
          throw new IllegalStateException("a bug");
        });
    agent.schedule(
        0,
        () -> {
          throw Check.unreachable("another");
        });
    agent.execute(done::countDown);
    await(done);
    assertThat(failures)
        .hasSize(2)
        .hasAtLeastOneElementOfType(IllegalStateException.class)
        .hasAtLeastOneElementOfType(Check.BrokenInvariant.class);
  }

  @Test
  void closeRunsTheInboxAndDropsTimers() {
    CountDownLatch goOn = block();
    AtomicInteger ran = new AtomicInteger();
    AtomicInteger timers = new AtomicInteger();
    for (int i = 0; i < 5; i++) {
      agent.execute(ran::incrementAndGet);
    }
    agent.schedule(0, timers::incrementAndGet);
    goOn.countDown();
    CountDownLatch closing = new CountDownLatch(1);
    // Whether the timer ran before close is open; after it none does.
    agent.execute(closing::countDown);
    await(closing);
    agent.close();
    int before = timers.get();
    assertThat(ran).hasValue(5);
    assertThat(agent.execute(ran::incrementAndGet)).isFalse();
    agent.schedule(0, timers::incrementAndGet);
    agent.close();
    assertThat(ran).hasValue(5);
    assertThat(timers).hasValue(before);
  }

  @Test
  void anAgentCanCloseItself() {
    CountDownLatch closed = new CountDownLatch(1);
    agent.execute(
        () -> {
          agent.close();
          closed.countDown();
        });
    await(closed);
    agent.close();
    assertThat(agent.execute(() -> {})).isFalse();
  }
}
