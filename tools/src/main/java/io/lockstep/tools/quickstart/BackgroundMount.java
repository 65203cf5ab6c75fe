package io.lockstep.tools.quickstart;

import io.lockstep.tools.UserError;
import io.lockstep.tools.config.MountSettings;
import io.lockstep.tools.process.MountRecord;
import io.lockstep.tools.process.ProcessIdentity;
import io.lockstep.tools.process.ReadyFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Immutable. A mount that outlives the command that asked for it: started in a session of its own,
 * waited for until it answers, with its error if it does not.
 */
public final class BackgroundMount {
  private static final long READY_SLACK_NS = TimeUnit.SECONDS.toNanos(30);
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(10);

  private BackgroundMount() {}

  /**
   * Returns when the mount answers.
   *
   * @param launcher the script {@code lockstep}
   */
  public static void start(Path launcher, MountSettings settings, Path state)
      throws IOException, UserError {
    Path mounts = MountRecord.directory(state);
    Files.createDirectories(mounts);
    Path log = logFile(settings, mounts);
    Path errors = log.resolveSibling(log.getFileName() + ".err");
    Path ready =
        settings.readyFile() == null
            ? Files.createTempFile(mounts, "wait", ".ready")
            : settings.readyFile();
    Files.deleteIfExists(ready);
    try {
      Process child =
          new ProcessBuilder(command(launcher, settings, log, ready))
              .redirectInput(Path.of("/dev/null").toFile())
              .redirectErrorStream(true)
              .redirectOutput(errors.toFile())
              .start();
      await(child, ready, errors, settings.waitNs() + READY_SLACK_NS);
    } finally {
      if (settings.readyFile() == null) {
        // The mount keeps a record of its own.
        Files.deleteIfExists(ready);
      }
    }
  }

  private static Path logFile(MountSettings settings, Path mounts) {
    String name = settings.volume() + settings.directory().toString().replace('/', '-');
    return settings.logFile() == null ? mounts.resolve(name + ".log") : settings.logFile();
  }

  private static List<String> command(Path launcher, MountSettings settings, Path log, Path ready) {
    List<String> command =
        new ArrayList<>(List.of("setsid", launcher.toString(), "mount", "--foreground"));
    command.add("--master=" + String.join(",", settings.masters()));
    command.add("--secret-file=" + settings.secretFile());
    command.add("--wait=" + TimeUnit.NANOSECONDS.toSeconds(settings.waitNs()));
    command.add("--ready-file=" + ready);
    command.add("--log-file=" + log);
    for (String option : settings.options()) {
      command.add("-o");
      command.add(option);
    }
    command.add(settings.volume());
    command.add(settings.directory().toString());
    return command;
  }

  private static void await(Process child, Path ready, Path errors, long timeoutNs)
      throws IOException, UserError {
    long deadlineNs = System.nanoTime() + timeoutNs;
    Optional<ProcessIdentity> identity = ProcessIdentity.of(child.pid());
    while (ReadyFile.readLive(ready).isEmpty()) {
      if (!child.isAlive()) {
        throw UserError.failed("%s", lastLine(errors));
      }
      if (System.nanoTime() - deadlineNs >= 0) {
        identity.ifPresent(ProcessIdentity::kill);
        throw UserError.failed(
            "the mount does not answer after %d s", TimeUnit.NANOSECONDS.toSeconds(timeoutNs));
      }
      LockSupport.parkNanos(POLL_NS);
    }
  }

  private static String lastLine(Path errors) throws IOException {
    String last =
        Files.readString(errors).lines().reduce((a, b) -> b).orElse("the mount said nothing");
    return last.startsWith("lockstep: ") ? last.substring("lockstep: ".length()) : last;
  }
}
