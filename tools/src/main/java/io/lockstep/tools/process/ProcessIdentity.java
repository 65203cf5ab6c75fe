package io.lockstep.tools.process;

import com.fasterxml.jackson.annotation.JsonIgnore;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Immutable. A process by its pid and the moment at which it started, so that another process which
 * got the same pid later is never mistaken for it.
 *
 * @param pid of the process
 * @param startTicks field 22 of {@code /proc/PID/stat}: clock ticks from boot to its start
 * @param boot the boot that both belong to
 */
public record ProcessIdentity(long pid, long startTicks, String boot) {
  private static final Path BOOT_ID = Path.of("/proc/sys/kernel/random/boot_id");
  private static final int STATE_INDEX = 0;
  private static final int START_TICKS_INDEX = 19;

  public static ProcessIdentity current() {
    long pid = ProcessHandle.current().pid();
    return of(pid)
        .orElseThrow(() -> new IllegalStateException("no readable /proc/" + pid + "/stat"));
  }

  /** The process that has this pid now; empty if there is none, or if it is dead and not reaped. */
  public static Optional<ProcessIdentity> of(long pid) {
    try {
      String stat = Files.readString(Path.of("/proc", Long.toString(pid), "stat"));
      // The name in parentheses may hold anything; the fields after it are plain.
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      if (fields[STATE_INDEX].equals("Z") || fields[STATE_INDEX].equals("X")) {
        return Optional.empty();
      }
      return Optional.of(
          new ProcessIdentity(
              pid, Long.parseLong(fields[START_TICKS_INDEX]), Files.readString(BOOT_ID).trim()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      // The process ended between open and read (ESRCH).
      return Optional.empty();
    }
  }

  @JsonIgnore
  public boolean isAlive() {
    return of(pid).filter(this::equals).isPresent();
  }

  /** SIGTERM. False if this process, and no other with its pid, is there no more. */
  public boolean terminate() {
    return isAlive() && ProcessHandle.of(pid).map(ProcessHandle::destroy).orElse(false);
  }

  /** SIGKILL. False if this process, and no other with its pid, is there no more. */
  public boolean kill() {
    return isAlive() && ProcessHandle.of(pid).map(ProcessHandle::destroyForcibly).orElse(false);
  }

  @Override
  public String toString() {
    return pid + " " + startTicks + " " + boot;
  }
}
