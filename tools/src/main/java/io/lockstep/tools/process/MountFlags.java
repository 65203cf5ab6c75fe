package io.lockstep.tools.process;

import io.lockstep.fs.fuse.Mount;
import io.lockstep.fs.fuse.MountFailed;
import io.lockstep.fs.fuse.MountOptions;
import io.lockstep.replication.client.ClientOptions;
import io.lockstep.tools.UserError;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;

/**
 * Immutable. What {@code -o} says, checked: options of Lockstep, and those of mount(2) that the
 * kernel keeps by itself.
 *
 * @param mount how and where
 * @param client how the mount buffers and keeps leases
 */
public record MountFlags(MountOptions mount, ClientOptions client) {
  private static final String LEASE_IDLE = "lease-idle=";

  /** What another mount did to names and attributes may be seen so late, but at open(2) at once. */
  private static final double LOOSE_SECONDS = 1;

  private static final Set<String> KERNEL =
      Set.of(
          "noexec", "exec", "nosuid", "suid", "nodev", "dev", "noatime", "atime", "sync",
          "dirsync");
  private static final String KNOWN =
      "ro, rw, allow_other, nonempty, cache=coherent|loose, writeback=on|off, lease-idle=SECONDS, "
          + String.join(", ", KERNEL.stream().sorted().toList());

  public static MountFlags parse(Path mountPoint, List<String> options) throws UserError {
    MountOptions mount = MountOptions.at(mountPoint);
    ClientOptions client = ClientOptions.DEFAULT;
    List<String> kernel = new ArrayList<>();
    for (String option : options) {
      switch (option) {
        case "ro" -> mount = mount.withReadOnly(true);
        case "rw" -> mount = mount.withReadOnly(false);
        case "allow_other" -> mount = mount.withAllowOther(true);
        case "nonempty" -> mount = mount.withNonEmpty(true);
        case "cache=coherent" -> mount = mount.withKeepSeconds(0);
        case "cache=loose" -> mount = mount.withKeepSeconds(LOOSE_SECONDS);
        case "writeback=on" -> client = client.withWriteback(true);
        case "writeback=off" -> client = client.withWriteback(false);
        default -> {
          if (option.startsWith(LEASE_IDLE)) {
            client = client.withLeaseIdleNs(secondsNs(option.substring(LEASE_IDLE.length())));
            continue;
          }
          if (!KERNEL.contains(option)) {
            throw UserError.misuse("unknown mount option \"%s\" (known: %s)", option, KNOWN);
          }
          kernel.add(option);
        }
      }
    }
    return new MountFlags(mount.withKernelOptions(kernel), client);
  }

  private static long secondsNs(String text) throws UserError {
    if (!text.matches("[0-9]{1,4}s?") || text.matches("0+s?")) {
      throw UserError.misuse("%s%s: expected seconds, like %s5", LEASE_IDLE, text, LEASE_IDLE);
    }
    return TimeUnit.SECONDS.toNanos(Long.parseLong(text.replace("s", "")));
  }

  /** Refuses what cannot be mounted on, before anything is started. */
  public void prepare() throws UserError {
    try {
      Mount.prepare(mount);
    } catch (MountFailed e) {
      throw UserError.failed("%s", e.getMessage());
    }
  }
}
