package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;

import io.lockstep.fs.fuse.Posix;
import io.lockstep.simulation.check.NameHistory.Result;
import io.lockstep.tools.it.FaultHistory.Lock;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;
import jnr.ffi.Pointer;

/**
 * Confined to its thread. The one thread of a {@link FaultLoad} and mount that locks: by fcntl,
 * whose owner is a process, so that the load is one owner on each mount. Under the exclusive lock
 * it replaces the number in the file; each number is replaced once, or somebody wrote under a lock
 * that was not his any more.
 *
 * <p>The file is read and written with O_DIRECT: what succeeds has passed the mount, and not the
 * kernel's pages alone, which a stopped mount leaves behind.
 */
final class FaultLocker extends FaultThread {
  private static final String NAME = "counter";
  private static final int F_SETLKW = 7;
  private static final short F_RDLCK = 0;
  private static final short F_WRLCK = 1;
  private static final short F_UNLCK = 2;

  /** Of {@code struct flock}, all zero but for its type: the whole file. */
  private static final int FLOCK_BYTES = 32;

  private static final int HOLD_US_MAX = 20_000;

  private int fd = -1;
  private String client = "";

  FaultLocker(FaultLoad load, int mount, SplittableRandom random) {
    super(load, mount, random);
  }

  /** The file, with the number 0. */
  static void makeFile(Path mount, FaultHistory history) throws Posix.Failed {
    int made = Posix.open(mount + "/" + NAME, Posix.O_RDWR | Posix.O_CREAT);
    Posix.pwrite(made, bytes(0), 0);
    check("fsync", C.fsync(made));
    check("close", C.close(made));
    history.counterBegins(NAME);
  }

  private static byte[] bytes(int number) {
    return ByteBuffer.allocate(Integer.BYTES).putInt(number).array();
  }

  @Override
  void work() throws Posix.Failed {
    boolean exclusive = random.nextInt(3) > 0;
    open();
    lock(exclusive ? F_WRLCK : F_RDLCK);
    Lock lock = history.locked(client, NAME, exclusive);
    if (exclusive) {
      replace(lock);
    } else {
      look(lock);
    }
    lock(F_UNLCK);
  }

  @Override
  void onFailure() {
    end();
  }

  @Override
  void end() {
    if (fd >= 0) {
      C.close(fd);
      fd = -1;
    }
  }

  private void open() throws Posix.Failed {
    if (!client.equals(load.client(mount))) {
      // The mount that it was opened on is dead.
      end();
    }
    if (fd < 0) {
      client = load.client(mount);
      fd = Posix.open(load.mount(mount) + "/" + NAME, Posix.O_RDWR | Posix.O_DIRECT);
    }
  }

  private void lock(short type) throws Posix.Failed {
    Pointer lock = Posix.memory(FLOCK_BYTES);
    lock.putShort(0, type);
    check("fcntl", C.fcntl(fd, F_SETLKW, lock));
  }

  private int read(Lock lock) throws Posix.Failed {
    long beganNs = System.nanoTime();
    byte[] bytes = Posix.pread(fd, Integer.BYTES, 0);
    int number = ByteBuffer.wrap(Arrays.copyOf(bytes, Integer.BYTES)).getInt();
    history.heldAt(lock, beganNs);
    history.found(NAME, number);
    return number;
  }

  private void pause() {
    LockSupport.parkNanos(1_000L * (1 + random.nextInt(HOLD_US_MAX)));
  }

  private void replace(Lock lock) throws Posix.Failed {
    long startNs = System.nanoTime();
    int from = read(lock);
    pause();
    int to = load.newValue();
    history.writes(to, lock);
    boolean done = false;
    try {
      long beganNs = System.nanoTime();
      Posix.pwrite(fd, bytes(to), 0);
      history.heldAt(lock, beganNs);
      check("fsync", C.fsync(fd));
      done = true;
    } finally {
      Result result = done ? Result.DONE : Result.UNKNOWN;
      history.replaced(client, NAME, from, to, result, startNs, System.nanoTime());
    }
  }

  private void look(Lock lock) throws Posix.Failed {
    read(lock);
    pause();
    long startNs = System.nanoTime();
    history.looked(client, NAME, read(lock), startNs, System.nanoTime());
  }
}
