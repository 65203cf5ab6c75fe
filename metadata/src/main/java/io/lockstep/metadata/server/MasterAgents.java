package io.lockstep.metadata.server;

import io.lockstep.core.Agent;
import io.lockstep.core.AgentThread;
import io.lockstep.core.Clock;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Executor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Immutable. Where a master runs: threads in production, the simulator's one thread in tests.
 *
 * @param control what decides everything but names
 * @param commit packs operations for the log
 * @param queries runs queries; refuses with RejectedExecutionException when too many wait
 * @param onStart lets them run
 * @param onClose ends them
 */
public record MasterAgents(
    Agent control, Agent commit, Executor queries, Runnable onStart, Runnable onClose) {
  private static final int INBOX_MAX = 16_384;
  private static final int QUERIES_WAITING_MAX = 4096;
  private static final long CLOSE_SECONDS = 5;

  /** Threads of their own. */
  static MasterAgents threads(Clock clock, int queryThreads, AgentThread.FailureHandler failures) {
    AgentThread control = new AgentThread("master", clock, INBOX_MAX, failures);
    AgentThread commit = new AgentThread("master-commit", clock, INBOX_MAX, failures);
    ThreadPoolExecutor queries = queryPool(queryThreads);
    return new MasterAgents(
        control,
        commit,
        queries,
        () -> {
          control.start();
          commit.start();
        },
        () -> {
          close(queries);
          commit.close();
          control.close();
        });
  }

  private static ThreadPoolExecutor queryPool(int threads) {
    AtomicInteger count = new AtomicInteger();
    return new ThreadPoolExecutor(
        threads,
        threads,
        1,
        TimeUnit.MINUTES,
        new ArrayBlockingQueue<>(QUERIES_WAITING_MAX),
        task -> {
          Thread thread = new Thread(task, "master-query-" + count.incrementAndGet());
          thread.setDaemon(true);
          return thread;
        });
  }

  private static void close(ThreadPoolExecutor queries) {
    queries.shutdown();
    try {
      if (!queries.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS)) {
        queries.shutdownNow();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
