package io.lockstep.fs.vfs;

import io.lockstep.core.SystemClock;

/** Immutable. A vfs over a master and contents in memory. */
public final class MemoryVfs implements AutoCloseable {
  final MemoryMaster master = new MemoryMaster();
  private final Vfs vfs;

  public MemoryVfs() {
    this.vfs =
        new Vfs(
            master,
            new MemoryContents(master),
            VfsOptions.of(MemoryMaster.VOLUME, master.root()),
            SystemClock.INSTANCE);
  }

  public Vfs vfs() {
    return vfs;
  }

  @Override
  public void close() {
    vfs.close();
  }
}
