package io.lockstep.tools.repro;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.stress.Stress;
import io.lockstep.tools.stress.StressOptions;
import io.lockstep.tools.stress.StressReport;
import io.lockstep.wire.message.LeaseRow;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Consumer;

/**
 * Confined to its caller. The race of GlusterFS's issue 4425 with real processes: threads write one
 * file of the first mount through several descriptors and close them at random, the second mount
 * writes it now and then, and when all of that is over, the third mount writes it once.
 */
public final class EagerLockRepro {
  private static final int DESCRIPTORS = 6;
  private static final int CLOSE_PERCENT = 35;
  private static final long RACES_ENOUGH = 3;
  private static final long CONTEND_NS = TimeUnit.SECONDS.toNanos(1);
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(100);

  /** Idle leases are gone after a second; two more for a busy machine, and one for the answer. */
  private static final long SETTLE_NS = TimeUnit.SECONDS.toNanos(4);

  /** A write is done within a second; the rest is for a busy machine. */
  private static final long THIRD_MOUNT_NS = TimeUnit.SECONDS.toNanos(6);

  /** Immutable. What to run. */
  public record Options(EagerLockVariant variant, int threads, long durationNs, Delays delays) {}

  /**
   * Immutable. What happened.
   *
   * @param load on the first mount
   * @param races flushes that found the lock parked while others wrote: the case in question
   * @param violations that the mounts counted
   * @param first of them, in words
   * @param stale locks that lockd holds for nobody, in words
   * @param thirdMountMs what the third mount's write took; -1 = it did not come back
   */
  public record Report(
      String variant,
      StressReport load,
      long races,
      long violations,
      String first,
      List<String> stale,
      long thirdMountMs) {
    public Report {
      stale = List.copyOf(stale);
    }

    private boolean isViolated() {
      return violations > 0 || !stale.isEmpty() || thirdMountMs < 0 || !load.isGood();
    }

    public boolean isGood() {
      return !isViolated() && races > 0;
    }

    /** What a table does not hold. */
    public List<String> details() {
      List<String> details = new ArrayList<>();
      if (violations > 0) {
        details.add("first violation: " + first);
      }
      stale.forEach(lock -> details.add("stale lock: " + lock));
      if (!load.isGood()) {
        details.add("load: " + load.verdict());
      }
      return details;
    }

    public String verdict() {
      if (isViolated()) {
        return "VIOLATED: "
            + violations
            + " violations, "
            + stale.size()
            + " stale locks, the third mount's write "
            + (thirdMountMs < 0 ? "is blocked" : "took " + thirdMountMs + " ms")
            + (load.isGood() ? "" : ", and the load saw errors");
      }
      return races > 0
          ? "nothing violated: " + races + " flushes met a parked lock while others wrote"
          : "INCONCLUSIVE: no flush met a parked lock while others wrote";
    }
  }

  private final Options options;
  private final Path launcher;
  private final Consumer<String> progress;
  private volatile boolean contending = true;

  /**
   * @param launcher the script {@code lockstep}
   * @param progress told what happens, in words
   */
  public EagerLockRepro(Options options, Path launcher, Consumer<String> progress) {
    this.options = options;
    this.launcher = launcher;
    this.progress = progress;
  }

  public Report run() throws IOException, UserError, Outcome, InterruptedException {
    try (ScratchCluster cluster =
        new ScratchCluster(options.variant(), options.delays(), launcher)) {
      progress.accept("starting a cluster in " + cluster.directory().top());
      // As in AFR, a write is with the replicas before it returns.
      cluster.start(List.of(List.of("writeback=off"), List.of(), List.of()));
      Stress stress = new Stress(stressOptions(cluster.mountPoint(1)), this::onLoad);
      stress.prepare();
      Path name = stress.file().getFileName();
      long inode = (Long) Files.getAttribute(stress.file(), "unix:ino");
      progress.accept(options.threads() + " threads write and close one file");
      Thread contender = background(() -> contend(cluster.mountPoint(2).resolve(name)));
      stress.run(() -> isShown(cluster));
      contending = false;
      contender.join(TimeUnit.NANOSECONDS.toMillis(CONTEND_NS) + 1);
      progress.accept("waiting until idle leases are gone");
      List<String> stale = stale(cluster, inode);
      progress.accept("the third mount writes");
      long thirdMountMs = writeOnce(cluster.mountPoint(3).resolve(name));
      progress.accept("reading everything");
      return report(cluster, stress.compare(), stale, thirdMountMs);
    }
  }

  private StressOptions stressOptions(Path mount) {
    // AFR's readers take no lock, so reads would only make the writers rarer.
    return new StressOptions(
        List.of(mount),
        options.threads(),
        DESCRIPTORS,
        options.durationNs(),
        StressOptions.BLOCKS,
        0,
        CLOSE_PERCENT);
  }

  /** Whether the case in question has come up often enough, or once with what it leads to. */
  private static boolean isShown(ScratchCluster cluster) throws IOException {
    MountReport report = cluster.reportIfAny(1).orElse(MountReport.NONE);
    return report.overlapped() >= RACES_ENOUGH
        || (report.overlapped() > 0 && report.violations() > 0);
  }

  private void onLoad(StressReport report) {
    progress.accept(
        report.operations() + " operations, the longest took " + report.longestMs() + " ms");
  }

  private Report report(
      ScratchCluster cluster, StressReport load, List<String> stale, long thirdMountMs)
      throws IOException, UserError {
    List<MountReport> mounts = List.of(cluster.report(1), cluster.report(2), cluster.report(3));
    return new Report(
        options.variant().toString(),
        load,
        mounts.stream().mapToLong(MountReport::overlapped).sum(),
        mounts.stream().mapToLong(MountReport::violations).sum(),
        mounts.stream().map(MountReport::first).filter(f -> !f.isEmpty()).findFirst().orElse(""),
        stale,
        thirdMountMs);
  }

  /** Leases that still stand when everybody who could hold one has been idle for long enough. */
  private static List<String> stale(ScratchCluster cluster, long inode)
      throws IOException, UserError, Outcome {
    long deadlineNs = System.nanoTime() + SETTLE_NS;
    while (true) {
      List<LeaseRow> rows =
          cluster.leases(inode).stream().filter(row -> !row.getState().equals("WAITING")).toList();
      if (rows.isEmpty() || System.nanoTime() - deadlineNs >= 0) {
        String own = cluster.report(1).states().get(Long.toUnsignedString(inode));
        return rows.stream().map(row -> words(row, own)).toList();
      }
      LockSupport.parkNanos(POLL_NS);
    }
  }

  private static String words(LeaseRow row, String own) {
    return String.format(
        "lockd lists lease %d (%s, %s) of %s for %d ms; the first mount says that its lock is %s",
        row.getLease(), row.getMode(), row.getState(), row.getHolder(), row.getAgeMs(), own);
  }

  private void contend(Path file) {
    while (contending) {
      try {
        write(file);
      } catch (IOException e) {
        // Blocked by a stale lock until its deadline: what the third mount shows.
        progress.accept("the second mount's write failed: " + e.getMessage());
      }
      LockSupport.parkNanos(CONTEND_NS);
    }
  }

  /** Behind the blocks that are compared. */
  private static void write(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      channel.write(ByteBuffer.allocate(512), 4096L * (StressOptions.BLOCKS + 1));
    }
  }

  /** How long the write took in ms; -1 = too long. */
  private static long writeOnce(Path file) throws InterruptedException {
    long startNs = System.nanoTime();
    IOException[] failure = new IOException[1];
    Thread writer =
        background(
            () -> {
              try {
                write(file);
              } catch (IOException e) {
                failure[0] = e;
              }
            });
    writer.join(TimeUnit.NANOSECONDS.toMillis(THIRD_MOUNT_NS));
    boolean done = !writer.isAlive() && failure[0] == null;
    return done ? TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - startNs) : -1;
  }

  private static Thread background(Runnable task) {
    Thread thread = new Thread(task, "repro");
    thread.setDaemon(true);
    thread.start();
    return thread;
  }
}
