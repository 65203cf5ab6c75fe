package io.lockstep.tools.repro;

import io.lockstep.core.Outcome;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.MountSettings;
import io.lockstep.tools.process.Lifetime;
import io.lockstep.tools.process.MountProcess;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Immutable. A mount with the eager lock of a variant, which tells in a file what it saw. */
public final class WatchedMount {
  private static final long REPORT_NS = TimeUnit.MILLISECONDS.toNanos(100);

  private final MountSettings settings;
  private final Watch watch;
  private final Path report;

  public WatchedMount(
      MountSettings settings, EagerLockVariant variant, Delays delays, Path report) {
    this.settings = settings;
    this.watch = new Watch(variant, delays);
    this.report = report;
  }

  /** Returns when the mount answers. */
  public void start(Path state, Lifetime lifetime) throws IOException, UserError, Outcome {
    MountProcess.start(settings, state, new WatchedParts(watch), lifetime);
    Thread reporter = new Thread(this::tell, "report");
    reporter.setDaemon(true);
    reporter.start();
  }

  private void tell() {
    try {
      while (true) {
        watch.report().write(report);
        LockSupport.parkNanos(REPORT_NS);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
