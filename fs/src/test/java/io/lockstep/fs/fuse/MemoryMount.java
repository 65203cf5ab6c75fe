package io.lockstep.fs.fuse;

import io.lockstep.fs.vfs.MemoryVfs;
import io.lockstep.fs.vfs.Vfs;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Confined to the main thread. A process that mounts an empty volume in memory, at each of the
 * directories, until all are unmounted: {@code MemoryMount [ro] [nonempty] [count] [unwatched]
 * DIRECTORY...}.
 */
public final class MemoryMount {
  static final String READY = "mounted in ";

  /** A mutant of the child that aborts the connection of who is killed: nobody tells it. */
  private static final List<String> DEAF_WATCH =
      List.of("sh", "-c", "trap '' HUP INT TERM; echo watching >&2; read -r end");

  private MemoryMount() {}

  public static void main(String[] arguments) throws Exception {
    List<String> options = List.of(arguments);
    long start = System.nanoTime();
    try (MemoryVfs memory = new MemoryVfs()) {
      List<Mount> mounts = new ArrayList<>();
      for (String option : options) {
        if (option.startsWith("/")) {
          mounts.add(mount(Path.of(option), options, memory.vfs()));
        }
      }
      System.out.println(READY + (System.nanoTime() - start) / 1000 + " us");
      for (Mount mount : mounts) {
        boolean ended = false;
        while (!ended) {
          ended = mount.awaitEnd(TimeUnit.SECONDS.toNanos(60));
        }
      }
      if (options.contains("count")) {
        memory.vfs().operations().counts().forEach(System.out::println);
      }
    } catch (MountFailed e) {
      System.out.println(e.getMessage());
      System.exit(1);
    }
  }

  private static Mount mount(Path at, List<String> options, Vfs vfs) throws MountFailed {
    Mount mount =
        Mount.mount(
            MountOptions.at(at)
                .withReadOnly(options.contains("ro"))
                .withNonEmpty(options.contains("nonempty"))
                .withKeepSeconds(options.contains("loose") ? 3600 : 0),
            vfs,
            options.contains("unwatched") ? DEAF_WATCH : DeathWatch.COMMAND);
    Runtime.getRuntime().addShutdownHook(new Thread(mount::close, "unmount"));
    return mount;
  }
}
