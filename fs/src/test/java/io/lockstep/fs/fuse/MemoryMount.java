package io.lockstep.fs.fuse;

import io.lockstep.fs.vfs.MemoryVfs;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/** Confined to the main thread. Mounts an empty volume in memory until it is unmounted. */
public final class MemoryMount {
  private MemoryMount() {}

  public static void main(String[] arguments) throws Exception {
    Path mountPoint = Path.of(arguments[0]);
    try (MemoryVfs memory = new MemoryVfs()) {
      long start = System.nanoTime();
      Mount mount = Mount.mount(MountOptions.at(mountPoint), memory.vfs());
      System.out.println("mounted in " + (System.nanoTime() - start) / 1000 + " us");
      Runtime.getRuntime().addShutdownHook(new Thread(mount::close));
      boolean ended = false;
      while (!ended) {
        ended = mount.awaitEnd(TimeUnit.SECONDS.toNanos(60));
      }
    }
  }
}
