package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;

import io.lockstep.fs.fuse.Posix;
import io.lockstep.simulation.Cells;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.check.History.Promise;
import java.nio.ByteBuffer;

/**
 * Confined to its thread. One file whose objects lie on disks that say "synced" and forget: what it
 * was promised is gone after a power cut, and the same checkers that find nothing wrong with the
 * other files must say so. It is removed in the end.
 */
final class FaultLiar {
  private static final String NAME = "liar";

  private final FaultLoad load;
  private final FaultHistory history = new FaultHistory();

  FaultLiar(FaultLoad load) {
    this.load = load;
  }

  private String path(int mount) {
    return load.mount(mount) + "/" + NAME;
  }

  /** Its blocks are there and synced by disks that do not lie yet; its inode. */
  long prepare(int mount) throws Posix.Failed {
    write(mount);
    return Posix.stat(path(mount)).ino();
  }

  /** All of it, and fsync says that it is durable. */
  void write(int mount) throws Posix.Failed {
    String client = load.client(mount);
    long openedNs = System.nanoTime();
    int fd = Posix.open(path(mount), Posix.O_RDWR | Posix.O_CREAT);
    try {
      History.Write write = history.begin(client, NAME, 0, Cells.COUNT);
      ByteBuffer bytes = Cells.fill(write.value(), 0, Cells.COUNT);
      byte[] all = new byte[bytes.remaining()];
      bytes.get(all);
      Posix.pwrite(fd, all, 0);
      history.end(write, Promise.ACCEPTED, System.nanoTime());
      long beganNs = System.nanoTime();
      check("fsync", C.fsync(fd));
      history.kept(client, NAME, Promise.DURABLE, openedNs, beganNs);
    } finally {
      C.close(fd);
    }
  }

  /** After the power cut: whether the checkers miss what was promised. */
  boolean isCaught(int mount) throws Posix.Failed {
    history.blackout();
    boolean caught;
    int fd = Posix.open(path(mount), Posix.O_RDWR);
    try {
      long startNs = System.nanoTime();
      byte[] bytes = Posix.pread(fd, Cells.COUNT * Cells.BYTES, 0);
      long endNs = System.nanoTime();
      int[] values = new int[Cells.COUNT];
      for (int i = 0; i < bytes.length / Cells.BYTES; i++) {
        values[i] = Cells.value(bytes, i, i);
      }
      history.read(load.client(mount), NAME, 0, values, startNs, endNs);
      caught = !history.violations().isEmpty();
    } catch (Posix.Failed e) {
      // What is there does not match its checksums, on no replica.
      caught = e.errno() == Posix.EIO;
    } finally {
      C.close(fd);
    }
    check("unlink", C.unlink(Posix.path(path(mount))));
    return caught;
  }
}
