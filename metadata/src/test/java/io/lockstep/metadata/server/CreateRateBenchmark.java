package io.lockstep.metadata.server;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.metadata.raft.GroupCommit;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.SessionReply;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** Creates per second through a master in this JVM: {@code -Dbenchmark=true -Dtest=...}. */
@EnabledIfSystemProperty(named = "benchmark", matches = "true")
class CreateRateBenchmark {
  @TempDir Path directory;

  @Test
  void printsCreatesPerSecond() throws Exception {
    for (int inFlight : new int[] {1, 2}) {
      MetadataServerOptions options =
          MetadataServerOptions.single(directory.resolve("m" + inFlight), 0, "test")
              .withEntriesInFlight(inFlight);
      try (MasterFixture master = new MasterFixture(options, 3)) {
        master.createVolume("demo", 3);
        SessionReply session = master.openSession("demo");
        Thread renewals =
            new Thread(
                () -> {
                  while (Replies.isOk(master.renew(session.getSession()))) {
                    LockSupport.parkNanos(300_000_000L);
                  }
                });
        renewals.setDaemon(true);
        renewals.start();
        run(master, session, "warm", 16, 4);
        for (int threads : new int[] {1, 16, 1, 16}) {
          run(master, session, inFlight + "-" + System.nanoTime(), threads, 5);
        }
      }
    }
  }

  private static void run(
      MasterFixture master, SessionReply session, String name, int threads, int seconds)
      throws InterruptedException {
    GroupCommit.Counts before = master.server.commitCounts();
    long start = System.nanoTime();
    long end = start + seconds * 1_000_000_000L;
    List<Thread> running = new ArrayList<>();
    long[] done = new long[threads];
    for (int t = 0; t < threads; t++) {
      int me = t;
      Thread thread =
          new Thread(
              () -> {
                while (System.nanoTime() < end) {
                  String file = name + "-" + me + "-" + done[me]++;
                  assertThat(
                          Replies.isOk(
                              master.call(
                                  master.create(
                                      session.getSession(), session.getRoot(), file, false))))
                      .isTrue();
                }
              });
      running.add(thread);
      thread.start();
    }
    for (Thread thread : running) {
      thread.join();
    }
    long total = 0;
    for (long each : done) {
      total += each;
    }
    double elapsed = (System.nanoTime() - start) / 1e9;
    GroupCommit.Counts after = master.server.commitCounts();
    System.out.printf(
        "%s: %d callers: %.0f creates/s, %.1f operations per entry%n",
        name,
        threads,
        total / elapsed,
        (double) (after.operations() - before.operations()) / (after.entries() - before.entries()));
  }
}
