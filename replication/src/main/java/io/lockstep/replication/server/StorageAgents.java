package io.lockstep.replication.server;

import io.lockstep.core.Agent;
import io.lockstep.core.AgentThread;
import io.lockstep.core.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Executor;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Immutable. Where a storage daemon runs: threads in production, the simulator's one thread in
 * tests.
 *
 * @param control owns registry, configurations, registration, heal
 * @param disks each owns a share of the objects
 * @param io runs blocking work; what it does is bounded by those who submit
 * @param onClose ends the threads
 */
public record StorageAgents(Agent control, List<Agent> disks, Executor io, Runnable onClose) {
  private static final int INBOX_MAX = 4096;
  private static final int DISK_AGENTS = 2;
  private static final int IO_THREADS = 4;
  private static final long CLOSE_SECONDS = 10;

  public StorageAgents {
    disks = List.copyOf(disks);
  }

  /** Threads of their own: one for control, two for the disk, four for blocking work. */
  public static StorageAgents threads(Clock clock, AgentThread.FailureHandler failures) {
    AgentThread control = new AgentThread("storage-control", clock, INBOX_MAX, failures).start();
    List<AgentThread> disks = new ArrayList<>();
    for (int i = 0; i < DISK_AGENTS; i++) {
      disks.add(new AgentThread("storage-disk-" + i, clock, INBOX_MAX, failures).start());
    }
    AtomicInteger number = new AtomicInteger();
    ExecutorService io =
        Executors.newFixedThreadPool(
            IO_THREADS,
            task -> {
              Thread thread = new Thread(task, "storage-io-" + number.getAndIncrement());
              thread.setDaemon(true);
              return thread;
            });
    return new StorageAgents(control, List.copyOf(disks), io, () -> close(control, disks, io));
  }

  private static void close(AgentThread control, List<AgentThread> disks, ExecutorService io) {
    // Completions of blocking work go to the agents, so it ends first.
    io.shutdown();
    try {
      io.awaitTermination(CLOSE_SECONDS, TimeUnit.SECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    control.close();
    disks.forEach(AgentThread::close);
  }
}
