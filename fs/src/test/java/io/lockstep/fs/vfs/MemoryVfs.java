package io.lockstep.fs.vfs;

import io.lockstep.core.SystemClock;
import io.lockstep.lockd.client.FileLocks;

/** Immutable. A vfs over a master and contents in memory. */
public final class MemoryVfs implements AutoCloseable {
  final MemoryMaster master = new MemoryMaster();
  private final MemoryLockd lockd = new MemoryLockd();
  private final Vfs vfs;

  public MemoryVfs() {
    this.vfs =
        new Vfs(
            master,
            new MemoryContents(master),
            lockd.locks(),
            VfsOptions.of(MemoryMaster.VOLUME, master.root()),
            SystemClock.INSTANCE);
  }

  FileLocks locks() {
    return lockd.locks();
  }

  public Vfs vfs() {
    return vfs;
  }

  @Override
  public void close() {
    vfs.close();
    lockd.close();
  }
}
