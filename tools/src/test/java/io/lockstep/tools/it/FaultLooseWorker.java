package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;

import io.lockstep.fs.fuse.Posix;
import io.lockstep.simulation.check.AppendHistory;
import io.lockstep.simulation.check.RegisterHistory;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.concurrent.locks.LockSupport;

/**
 * Confined to its thread. One on a loose mount: it opens, writes and closes, or opens, reads twice
 * and closes. A file is one number, in place ("head"), or the last of many ("tail"), so that pages
 * and sizes that a kernel kept too long show.
 *
 * <p>What a close promises does not survive a loss of power: then both begin anew, under other
 * names, and what was begun before counts no more.
 */
final class FaultLooseWorker extends FaultThread {
  private static final String HEAD = "head";
  private static final String TAIL = "tail";
  private static final int PAUSE_US_MAX = 30_000;

  /** Before the last end that was seen, for what was lost leaves holes, and at once. */
  private static final int BACK_RECORDS = 32;

  private static final int WINDOW_RECORDS = 64;

  private String lastTail = "";
  private long lastRecords;
  private int descriptors;

  FaultLooseWorker(FaultLoad load, int mount, SplittableRandom random) {
    super(load, mount, random);
  }

  @Override
  void work() throws Posix.Failed {
    String file = history.loose(random.nextBoolean() ? HEAD : TAIL);
    if (random.nextInt(3) == 0) {
      write(file);
    } else {
      read(file);
    }
  }

  @Override
  void onFailure() {}

  @Override
  void end() {}

  private int open(String file, int flags) throws Posix.Failed {
    int append = file.startsWith(TAIL) ? Posix.O_APPEND : 0;
    return Posix.open(load.mount(mount) + "/" + file, flags | append | Posix.O_CREAT);
  }

  private void pause() {
    LockSupport.parkNanos(1_000L * (1 + random.nextInt(PAUSE_US_MAX)));
  }

  private void write(String file) throws Posix.Failed {
    String client = load.client(mount);
    int fd = open(file, Posix.O_RDWR);
    int value = load.newValue();
    history.beginLoose(client, value);
    long startNs = System.nanoTime();
    long closedNs = RegisterHistory.NEVER;
    try {
      try {
        if (file.startsWith(TAIL)) {
          Posix.append(fd, FaultWorker.record(value));
        } else {
          Posix.pwrite(fd, FaultWorker.record(value), 0);
        }
        history.endLoose(value);
      } catch (Posix.Failed e) {
        C.close(fd);
        throw e;
      }
      check("close", C.close(fd));
      closedNs = System.nanoTime();
    } finally {
      history.closed(client, file, value, startNs, closedNs);
    }
  }

  private void read(String file) throws Posix.Failed {
    String client = load.client(mount);
    String descriptor = Thread.currentThread().getName() + "." + ++descriptors;
    long openedNs = System.nanoTime();
    int fd = open(file, Posix.O_RDWR);
    try {
      for (int i = 0; i < 2; i++) {
        int value = file.startsWith(TAIL) ? lastRecord(fd, file) : record(fd);
        history.readLoose(client, file, descriptor, value, openedNs, System.nanoTime());
        pause();
      }
    } finally {
      C.close(fd);
    }
  }

  /** The one that is there. */
  private static int record(int fd) throws Posix.Failed {
    byte[] bytes = Posix.pread(fd, FaultWorker.RECORD_BYTES, 0);
    return FaultWorker.value(Arrays.copyOf(bytes, FaultWorker.RECORD_BYTES), 0);
  }

  /** The last one that is no hole. */
  private int lastRecord(int fd, String file) throws Posix.Failed {
    if (!file.equals(lastTail)) {
      lastTail = file;
      lastRecords = 0;
    }
    long first = Math.max(0, lastRecords - BACK_RECORDS);
    int last = RegisterHistory.INITIAL;
    while (true) {
      byte[] bytes =
          Posix.pread(
              fd, WINDOW_RECORDS * FaultWorker.RECORD_BYTES, first * FaultWorker.RECORD_BYTES);
      int records = bytes.length / FaultWorker.RECORD_BYTES;
      for (int i = 0; i < records; i++) {
        int value = FaultWorker.value(bytes, i * FaultWorker.RECORD_BYTES);
        last = value == AppendHistory.HOLE ? last : value;
      }
      first += records;
      if (records < WINDOW_RECORDS) {
        lastRecords = first;
        return last;
      }
    }
  }
}
