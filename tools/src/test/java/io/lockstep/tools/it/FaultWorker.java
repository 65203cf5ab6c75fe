package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.check;

import io.lockstep.fs.fuse.Posix;
import io.lockstep.simulation.Cells;
import io.lockstep.simulation.check.AppendHistory;
import io.lockstep.simulation.check.History;
import io.lockstep.simulation.check.History.Promise;
import io.lockstep.simulation.check.NameHistory.Result;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Confined to its thread. One that reads, writes, appends, renames and creates. */
final class FaultWorker extends FaultThread {
  private static final int FILES = 3;
  private static final int CELLS_MAX = 12;
  private static final String LOG = "log";
  private static final String TARGET = "target";

  /** Of the log, which grows, so many records at its end are read. */
  private static final int TAIL_RECORDS = 64;

  static final int RECORD_BYTES = 64;
  private static final int TARGET_BYTES = 6_000;

  /** A descriptor of one run of the mount. */
  private record Open(int fd, String client, long openedNs, boolean sync) {}

  private final Open[] files = new Open[FILES + 1];

  FaultWorker(FaultLoad load, int mount, SplittableRandom random) {
    super(load, mount, random);
  }

  private static String name(int file) {
    return file == FILES ? LOG : "cells" + file;
  }

  private static String path(Path mount, String name) {
    return mount + "/" + name;
  }

  private String path(String name) {
    return path(load.mount(mount), name);
  }

  /** All that are shared; the others are made by the load. */
  static void makeFiles(Path mount) throws Posix.Failed {
    for (int file = 0; file <= FILES; file++) {
      int fd = Posix.open(path(mount, name(file)), Posix.O_RDWR | Posix.O_CREAT);
      check("close", C.close(fd));
    }
  }

  @Override
  void work() throws Posix.Failed {
    int dice = random.nextInt(100);
    if (dice < 30) {
      write(file(random.nextInt(FILES)));
    } else if (dice < 55) {
      read(random.nextInt(FILES));
    } else if (dice < 65) {
      keep(random.nextInt(FILES + 1), Promise.DURABLE);
    } else if (dice < 72) {
      closes(random.nextInt(FILES + 1));
    } else if (dice < 82) {
      append();
    } else if (dice < 87) {
      readLog();
    } else if (dice < 91) {
      replace();
    } else if (dice < 96) {
      readTarget();
    } else {
      create();
    }
  }

  /** What was lost is in the history. */
  @Override
  void onFailure() {}

  /** Each descriptor that is open is told what was lost, at the latest now. */
  @Override
  void end() {
    for (int file = 0; file <= FILES; file++) {
      if (files[file] != null) {
        try {
          keep(file, Promise.DURABLE);
          closes(file);
        } catch (Posix.Failed e) {
          // It is in the history.
        }
      }
    }
  }

  void readAll() throws Posix.Failed {
    for (int file = 0; file < FILES; file++) {
      read(file, 0, Cells.COUNT);
    }
    readLog(0);
    readTarget();
    end();
  }

  // ---- descriptors

  private int file(int file) throws Posix.Failed {
    Open open = files[file];
    if (open != null && !open.client.equals(load.client(mount))) {
      // The mount that it was opened on is dead.
      C.close(open.fd);
      files[file] = null;
    }
    if (files[file] == null) {
      boolean sync = file < FILES && random.nextInt(5) == 0;
      int append = file == FILES ? Posix.O_APPEND : 0;
      String client = load.client(mount);
      long openedNs = System.nanoTime();
      int fd = Posix.open(path(name(file)), Posix.O_RDWR | append | (sync ? Posix.O_SYNC : 0));
      files[file] = new Open(fd, client, openedNs, sync);
    }
    return file;
  }

  private void keep(int number, Promise promise) throws Posix.Failed {
    Open open = files[file(number)];
    long beganNs = System.nanoTime();
    try {
      check("fsync", C.fsync(open.fd));
    } catch (Posix.Failed e) {
      throw lost(number, e);
    }
    history.kept(open.client, name(number), promise, open.openedNs, beganNs);
  }

  private void closes(int number) throws Posix.Failed {
    Open open = files[file(number)];
    long beganNs = System.nanoTime();
    files[number] = null;
    try {
      check("close", C.close(open.fd));
    } catch (Posix.Failed e) {
      history.lost(open.client, name(number));
      throw e;
    }
    history.kept(open.client, name(number), Promise.RECEIVED, open.openedNs, beganNs);
  }

  /** What was only accepted may be lost: this is how an application hears of it. */
  private Posix.Failed lost(int number, Posix.Failed failure) {
    Open open = files[number];
    history.lost(open.client, name(number));
    files[number] = null;
    C.close(open.fd);
    return failure;
  }

  // ---- cells

  private void write(int number) throws Posix.Failed {
    Open open = files[number];
    int cells = 1 + random.nextInt(CELLS_MAX);
    int first = random.nextInt(Cells.COUNT - cells + 1);
    History.Write write = history.begin(open.client, name(number), first, cells);
    ByteBuffer bytes = Cells.fill(write.value(), first, cells);
    byte[] all = new byte[bytes.remaining()];
    bytes.get(all);
    try {
      Posix.pwrite(open.fd, all, (long) first * Cells.BYTES);
    } catch (Posix.Failed e) {
      history.failed(write);
      throw lost(number, e);
    }
    history.end(write, open.sync ? Promise.DURABLE : Promise.ACCEPTED, System.nanoTime());
  }

  private void read(int number) throws Posix.Failed {
    int cells = 1 + random.nextInt(CELLS_MAX);
    read(number, random.nextInt(Cells.COUNT - cells + 1), cells);
  }

  private void read(int number, int first, int cells) throws Posix.Failed {
    Open open = files[file(number)];
    long startNs = System.nanoTime();
    byte[] bytes = Posix.pread(open.fd, cells * Cells.BYTES, (long) first * Cells.BYTES);
    long endNs = System.nanoTime();
    byte[] whole = Arrays.copyOf(bytes, cells * Cells.BYTES);
    int[] values = new int[cells];
    for (int i = 0; i < cells; i++) {
      values[i] = Cells.value(whole, i, first + i);
    }
    history.read(open.client, name(number), first, values, startNs, endNs);
  }

  // ---- records

  static byte[] record(int value) {
    ByteBuffer record = ByteBuffer.allocate(RECORD_BYTES);
    while (record.hasRemaining()) {
      record.putInt(value).putInt(~value);
    }
    return record.array();
  }

  static int value(byte[] log, int at) {
    byte[] record = Arrays.copyOfRange(log, at, at + RECORD_BYTES);
    int value = ByteBuffer.wrap(record).getInt();
    boolean hole = Arrays.equals(record, new byte[RECORD_BYTES]);
    boolean whole = value > 0 && Arrays.equals(record, record(value));
    return hole ? AppendHistory.HOLE : whole ? value : AppendHistory.TORN;
  }

  private void append() throws Posix.Failed {
    Open open = files[file(FILES)];
    AppendHistory.Append append = history.beginAppend(open.client, LOG);
    try {
      Posix.append(open.fd, record(append.value()));
    } catch (Posix.Failed e) {
      throw lost(FILES, e);
    }
    history.end(append, Promise.ACCEPTED, System.nanoTime());
  }

  private void readLog() throws Posix.Failed {
    long records = Posix.fstat(files[file(FILES)].fd).size() / RECORD_BYTES;
    readLog(Math.max(0, records - TAIL_RECORDS / 2));
  }

  private void readLog(long first) throws Posix.Failed {
    Open open = files[file(FILES)];
    int sizeMax =
        first > 0
            ? TAIL_RECORDS * RECORD_BYTES
            : (int) Posix.fstat(open.fd).size() + TAIL_RECORDS * RECORD_BYTES;
    long startNs = System.nanoTime();
    byte[] bytes = Posix.pread(open.fd, sizeMax, first * RECORD_BYTES);
    long endNs = System.nanoTime();
    int[] values = new int[bytes.length / RECORD_BYTES];
    for (int i = 0; i < values.length; i++) {
      values[i] = value(bytes, i * RECORD_BYTES);
    }
    history.readRecords(open.client, LOG, first, values, bytes.length < sizeMax, startNs, endNs);
  }

  // ---- names

  /** A file of its own with this number all over it, synced. */
  private void replace() throws Posix.Failed {
    String client = load.client(mount);
    int value = load.newValue();
    String fresh = path("fresh" + value);
    byte[] bytes = new byte[TARGET_BYTES];
    Arrays.fill(bytes, (byte) value);
    ByteBuffer.wrap(bytes).putInt(value).putInt(TARGET_BYTES - Integer.BYTES, value);
    int fd = Posix.open(fresh, Posix.O_RDWR | Posix.O_CREAT | Posix.O_EXCL);
    try {
      Posix.pwrite(fd, bytes, 0);
      check("fsync", C.fsync(fd));
    } finally {
      C.close(fd);
    }
    long startNs = System.nanoTime();
    boolean done = false;
    try {
      check("rename", C.rename(Posix.path(fresh), Posix.path(path(TARGET))));
      done = true;
    } finally {
      history.replace(client, TARGET, value, done, startNs, System.nanoTime());
    }
  }

  private void readTarget() throws Posix.Failed {
    String client = load.client(mount);
    long startNs = System.nanoTime();
    int fd;
    try {
      fd = Posix.open(path(TARGET), Posix.O_RDONLY);
    } catch (Posix.Failed e) {
      if (e.errno() == Posix.ENOENT) {
        history.vanished(client, TARGET, startNs, System.nanoTime());
        return;
      }
      throw e;
    }
    try {
      byte[] bytes = Posix.pread(fd, TARGET_BYTES + 1, 0);
      history.readTarget(client, TARGET, targetValue(bytes), startNs, System.nanoTime());
    } finally {
      C.close(fd);
    }
  }

  /** 0 if it is not whole. */
  private static int targetValue(byte[] bytes) {
    if (bytes.length != TARGET_BYTES) {
      return 0;
    }
    int value = ByteBuffer.wrap(bytes).getInt();
    boolean whole = ByteBuffer.wrap(bytes).getInt(TARGET_BYTES - Integer.BYTES) == value;
    for (int i = Integer.BYTES; i < TARGET_BYTES - Integer.BYTES; i++) {
      whole &= bytes[i] == (byte) value;
    }
    return whole ? value : 0;
  }

  /** Several try the same name. */
  private void create() throws Posix.Failed {
    String client = load.client(mount);
    int number = random.nextInt(3) == 0 ? load.newName() : Math.max(1, load.lastName());
    String name = "only" + number;
    long startNs = System.nanoTime();
    Result result = Result.UNKNOWN;
    try {
      int fd = Posix.open(path(name), Posix.O_RDWR | Posix.O_CREAT | Posix.O_EXCL);
      result = Result.DONE;
      C.close(fd);
    } catch (Posix.Failed e) {
      result = e.errno() == Posix.EEXIST ? Result.REFUSED : Result.UNKNOWN;
      if (result == Result.UNKNOWN) {
        throw e;
      }
    } finally {
      history.create(client, name, result, startNs, System.nanoTime());
    }
  }
}
