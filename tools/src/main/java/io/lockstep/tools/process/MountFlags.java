package io.lockstep.tools.process;

import io.lockstep.fs.fuse.Mount;
import io.lockstep.fs.fuse.MountFailed;
import io.lockstep.fs.fuse.MountOptions;
import io.lockstep.tools.UserError;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Immutable. What {@code -o} says, checked: options of Lockstep, and those of mount(2) that the
 * kernel keeps by itself.
 *
 * @param mount how and where
 * @param writeback false: every write reaches the replicas before it returns
 */
public record MountFlags(MountOptions mount, boolean writeback) {
  private static final Set<String> KERNEL =
      Set.of(
          "noexec", "exec", "nosuid", "suid", "nodev", "dev", "noatime", "atime", "sync",
          "dirsync");
  private static final String KNOWN =
      "ro, rw, allow_other, nonempty, writeback=on|off, "
          + String.join(", ", KERNEL.stream().sorted().toList());

  public static MountFlags parse(Path mountPoint, List<String> options) throws UserError {
    MountOptions mount = MountOptions.at(mountPoint);
    boolean writeback = true;
    List<String> kernel = new ArrayList<>();
    for (String option : options) {
      switch (option) {
        case "ro" -> mount = mount.withReadOnly(true);
        case "rw" -> mount = mount.withReadOnly(false);
        case "allow_other" -> mount = mount.withAllowOther(true);
        case "nonempty" -> mount = mount.withNonEmpty(true);
        case "writeback=on" -> writeback = true;
        case "writeback=off" -> writeback = false;
        default -> {
          if (!KERNEL.contains(option)) {
            throw UserError.misuse("unknown mount option \"%s\" (known: %s)", option, KNOWN);
          }
          kernel.add(option);
        }
      }
    }
    return new MountFlags(mount.withKernelOptions(kernel), writeback);
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
