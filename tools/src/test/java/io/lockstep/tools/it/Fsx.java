package io.lockstep.tools.it;

import static io.lockstep.fs.fuse.Posix.C;
import static io.lockstep.fs.fuse.Posix.FALLOC_KEEP_SIZE;
import static io.lockstep.fs.fuse.Posix.FALLOC_PUNCH_HOLE;
import static io.lockstep.fs.fuse.Posix.FALLOC_ZERO_RANGE;
import static io.lockstep.fs.fuse.Posix.check;

import io.lockstep.fs.fuse.Posix;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;
import jnr.ffi.Pointer;

/**
 * Confined to its thread. Random operations on a few files through several directories that show
 * the same files, one operation at a time, each through any of them; after each, what is read
 * through any of them must be what an array in memory says. One seed, one sequence.
 */
final class Fsx {
  private static final int NAMES = 5;
  private static final int DESCRIPTORS_MAX = 12;
  private static final int SIZE_MAX = 300_000;
  private static final int WRITE_MAX = 70_000;
  private static final int TRACE_LINES = 40;

  /** One kind of step, and how often it is taken. */
  enum Step {
    WRITE(26),
    APPEND(10),
    TRUNCATE(8),
    TRUNCATE_NAME(4),
    ALLOCATE(10),
    STORE(10),
    RENAME(5),
    LINK(4),
    UNLINK(4),
    REOPEN(14),
    SYNC(4),
    READ(20);

    private final int weight;

    Step(int weight) {
      this.weight = weight;
    }
  }

  /** What a file must be; it lives as long as a name or a descriptor has it. */
  private static final class Expected {
    private byte[] bytes = new byte[0];
    private int links = 1;

    void resize(int size) {
      bytes = Arrays.copyOf(bytes, size);
    }

    void put(int offset, byte[] from) {
      resize(Math.max(bytes.length, offset + from.length));
      System.arraycopy(from, 0, bytes, offset, from.length);
    }
  }

  private record Descriptor(int mount, int fd, int flags, Expected file) {
    boolean has(int flag) {
      return (flags & flag) != 0;
    }

    @Override
    public String toString() {
      String kind = has(Posix.O_APPEND) ? " append" : has(Posix.O_DIRECT) ? " direct" : "";
      return "fd " + fd + kind + (has(0x1000) ? " sync" : "") + " on mount " + mount;
    }
  }

  /** What was read is not what should be there. */
  static final class Differs extends Exception {
    private static final long serialVersionUID = 1;

    Differs(String message) {
      super(message);
    }
  }

  private final List<String> mounts;
  private final SplittableRandom random;
  private final FsxCalls calls;
  private final boolean everyCall;
  private final Map<String, Expected> names = new TreeMap<>();
  private final List<Descriptor> descriptors = new ArrayList<>();
  private final ArrayDeque<String> trace = new ArrayDeque<>();
  private final Map<Step, Integer> done = new EnumMap<>(Step.class);
  private int steps;

  /**
   * @param mounts directories that show the same files, empty at the start
   * @param everyCall also those that some local filesystems refuse: O_DIRECT of any length, zeroed
   *     ranges
   */
  Fsx(List<String> mounts, long seed, boolean everyCall, FsxCalls calls) {
    this.mounts = List.copyOf(mounts);
    this.random = new SplittableRandom(seed);
    this.everyCall = everyCall;
    this.calls = calls;
  }

  Map<Step, Integer> done() {
    return done;
  }

  /** The last steps, one a line. */
  String trace() {
    return String.join("\n", trace);
  }

  /** So many steps, then all of every file through every directory. */
  void run(int count) throws Posix.Failed, Differs {
    while (steps < count) {
      step();
      if (!descriptors.isEmpty() && random.nextBoolean()) {
        compare(pick());
      }
    }
    compareAll();
    while (!descriptors.isEmpty()) {
      close(descriptors.get(0));
    }
  }

  private void step() throws Posix.Failed, Differs {
    steps++;
    if (descriptors.size() < 2) {
      open();
      return;
    }
    int at = random.nextInt(Arrays.stream(Step.values()).mapToInt(step -> step.weight).sum());
    for (Step step : Step.values()) {
      at -= step.weight;
      if (at < 0) {
        done.merge(step, 1, Integer::sum);
        take(step);
        return;
      }
    }
  }

  private void take(Step step) throws Posix.Failed, Differs {
    switch (step) {
      case WRITE -> write(pick());
      case APPEND -> append();
      case TRUNCATE -> truncate();
      case TRUNCATE_NAME -> truncateName();
      case ALLOCATE -> allocate(pick());
      case STORE -> store();
      case RENAME -> rename();
      case LINK -> link();
      case UNLINK -> unlink();
      case REOPEN -> reopen();
      case SYNC -> {
        Descriptor descriptor = pick();
        note("fsync " + descriptor);
        check("fsync", C.fsync(descriptor.fd));
      }
      case READ -> compare(pick());
    }
  }

  private void note(String what) {
    trace.add(steps + ": " + what);
    if (trace.size() > TRACE_LINES) {
      trace.remove();
    }
  }

  private Descriptor pick() {
    return descriptors.get(random.nextInt(descriptors.size()));
  }

  private String pickName() {
    return "f" + random.nextInt(NAMES);
  }

  private String on(int mount, String name) {
    return mounts.get(mount) + "/" + name;
  }

  private byte[] bytes() {
    byte[] bytes = new byte[1 + random.nextInt(random.nextInt(4) == 0 ? WRITE_MAX : 6_000)];
    random.nextBytes(bytes);
    return bytes;
  }

  /** Often where the file ends. */
  private int offset(Expected file, int length) {
    int near = file.bytes.length - random.nextInt(9_000) + random.nextInt(9_000);
    int offset = random.nextBoolean() ? near : random.nextInt(SIZE_MAX);
    return Math.max(0, Math.min(offset, SIZE_MAX - length));
  }

  // ---- bytes and sizes

  private void write(Descriptor descriptor) throws Posix.Failed {
    if (descriptor.has(Posix.O_APPEND)) {
      append(descriptor);
      return;
    }
    byte[] bytes = bytes();
    int offset = offset(descriptor.file, bytes.length);
    note("write %d at %d by %s".formatted(bytes.length, offset, descriptor));
    calls.write(descriptor.fd, bytes, offset);
    descriptor.file.put(offset, bytes);
  }

  private void append() throws Posix.Failed {
    for (Descriptor descriptor : descriptors) {
      if (descriptor.has(Posix.O_APPEND) && random.nextBoolean()) {
        append(descriptor);
        return;
      }
    }
  }

  private void append(Descriptor descriptor) throws Posix.Failed {
    byte[] bytes = bytes();
    if (descriptor.file.bytes.length + bytes.length > SIZE_MAX) {
      return;
    }
    note("append %d by %s".formatted(bytes.length, descriptor));
    calls.append(descriptor.fd, bytes);
    descriptor.file.put(descriptor.file.bytes.length, bytes);
  }

  private void truncate() throws Posix.Failed {
    Descriptor descriptor = pick();
    int size = offset(descriptor.file, 0);
    note("ftruncate to %d by %s".formatted(size, descriptor));
    calls.truncate(descriptor.fd, size);
    descriptor.file.resize(size);
  }

  private void truncateName() throws Posix.Failed {
    String name = pickName();
    Expected file = names.get(name);
    if (file != null) {
      int mount = random.nextInt(mounts.size());
      int size = offset(file, 0);
      note("truncate %s to %d on mount %d".formatted(name, size, mount));
      calls.truncate(on(mount, name), size);
      file.resize(size);
    }
  }

  private void allocate(Descriptor descriptor) throws Posix.Failed {
    int[] modes = {
      0,
      FALLOC_KEEP_SIZE,
      FALLOC_PUNCH_HOLE | FALLOC_KEEP_SIZE,
      FALLOC_ZERO_RANGE,
      FALLOC_ZERO_RANGE | FALLOC_KEEP_SIZE
    };
    int mode = modes[random.nextInt(everyCall ? modes.length : 3)];
    int length = 1 + random.nextInt(WRITE_MAX);
    int offset = offset(descriptor.file, length);
    note("fallocate mode %d, %d at %d by %s".formatted(mode, length, offset, descriptor));
    calls.allocate(descriptor.fd, mode, offset, length);
    Expected file = descriptor.file;
    if ((mode & FALLOC_KEEP_SIZE) == 0) {
      file.resize(Math.max(file.bytes.length, offset + length));
    }
    if ((mode & (FALLOC_PUNCH_HOLE | FALLOC_ZERO_RANGE)) != 0 && offset < file.bytes.length) {
      Arrays.fill(file.bytes, offset, Math.min(offset + length, file.bytes.length), (byte) 0);
    }
  }

  /** Through a shared mapping: what is there, then other bytes. */
  private void store() throws Posix.Failed, Differs {
    Descriptor descriptor = pick();
    Expected file = descriptor.file;
    int size = file.bytes.length;
    if (descriptor.has(Posix.O_APPEND | Posix.O_DIRECT) || size == 0) {
      return;
    }
    compareStat(descriptor);
    int offset = random.nextInt(size);
    byte[] bytes = Arrays.copyOf(bytes(), Math.min(1 + random.nextInt(9_000), size - offset));
    note("store %d at %d of %d mapped by %s".formatted(bytes.length, offset, size, descriptor));
    Pointer mapped = Posix.mmap(descriptor.fd, size, Posix.MAP_SHARED);
    try {
      int from = random.nextInt(size);
      byte[] seen = new byte[Math.min(20_000, size - from)];
      mapped.get(from, seen, 0, seen.length);
      compare("mapped by " + descriptor, file, from, seen.length, seen);
      calls.store(mapped, offset, bytes);
      check("msync", C.msync(mapped, size, Posix.MS_SYNC));
    } finally {
      check("munmap", C.munmap(mapped, size));
    }
    file.put(offset, bytes);
  }

  // ---- names and descriptors

  private void rename() throws Posix.Failed {
    String from = pickName();
    String to = pickName();
    Expected file = names.get(from);
    if (file == null) {
      return;
    }
    int mount = random.nextInt(mounts.size());
    note("rename %s to %s on mount %d".formatted(from, to, mount));
    calls.rename(on(mount, from), on(mount, to));
    // Two names of one file both stay.
    if (names.get(to) != file) {
      forget(to);
      names.remove(from);
      names.put(to, file);
    }
  }

  private void forget(String name) {
    Expected replaced = names.remove(name);
    if (replaced != null) {
      replaced.links--;
    }
  }

  private void link() throws Posix.Failed {
    String from = pickName();
    String to = pickName();
    Expected file = names.get(from);
    if (file != null && !names.containsKey(to)) {
      int mount = random.nextInt(mounts.size());
      note("link %s as %s on mount %d".formatted(from, to, mount));
      calls.link(on(mount, from), on(mount, to));
      file.links++;
      names.put(to, file);
    }
  }

  private void unlink() throws Posix.Failed {
    String name = pickName();
    if (names.containsKey(name)) {
      int mount = random.nextInt(mounts.size());
      note("unlink %s on mount %d".formatted(name, mount));
      calls.unlink(on(mount, name));
      forget(name);
    }
  }

  private void reopen() throws Posix.Failed {
    if (descriptors.size() >= DESCRIPTORS_MAX || random.nextBoolean()) {
      close(pick());
    }
    open();
  }

  private void open() throws Posix.Failed {
    String name = pickName();
    int mount = random.nextInt(mounts.size());
    int flags =
        switch (random.nextInt(6)) {
          case 0, 1 -> Posix.O_APPEND;
          case 2 -> everyCall ? Posix.O_DIRECT : 0;
          case 3 -> Posix.O_SYNC;
          default -> 0;
        };
    flags |= random.nextInt(15) == 0 ? Posix.O_TRUNC : 0;
    int fd = Posix.open(on(mount, name), flags | Posix.O_RDWR | Posix.O_CREAT);
    Expected file = names.computeIfAbsent(name, absent -> new Expected());
    if ((flags & Posix.O_TRUNC) != 0) {
      file.resize(0);
    }
    Descriptor descriptor = new Descriptor(mount, fd, flags, file);
    note("open " + name + ((flags & Posix.O_TRUNC) != 0 ? " emptied" : "") + " as " + descriptor);
    descriptors.add(descriptor);
  }

  private void close(Descriptor descriptor) throws Posix.Failed {
    note("close " + descriptor);
    descriptors.remove(descriptor);
    check("close", C.close(descriptor.fd));
  }

  // ---- comparing

  private void compare(Descriptor descriptor) throws Posix.Failed, Differs {
    compareStat(descriptor);
    int offset = offset(descriptor.file, 0);
    int length = 1 + random.nextInt(WRITE_MAX);
    byte[] seen = calls.read(descriptor.fd, length, offset);
    compare("read by " + descriptor, descriptor.file, offset, length, seen);
  }

  private void compareStat(Descriptor descriptor) throws Posix.Failed, Differs {
    Posix.Stat stat = Posix.fstat(descriptor.fd);
    Expected file = descriptor.file;
    if (stat.size() != file.bytes.length || stat.nlink() != file.links) {
      throw new Differs(
          "%s shows size %d with %d links, not %d with %d"
              .formatted(descriptor, stat.size(), stat.nlink(), file.bytes.length, file.links));
    }
  }

  private static void compare(String what, Expected file, int offset, int length, byte[] seen)
      throws Differs {
    int end = Math.min(file.bytes.length, offset + length);
    byte[] expected = offset < end ? Arrays.copyOfRange(file.bytes, offset, end) : new byte[0];
    int at = Arrays.mismatch(expected, seen);
    if (at >= 0) {
      int last = at;
      for (int i = at; i < Math.min(expected.length, seen.length); i++) {
        last = expected[i] != seen[i] ? i : last;
      }
      throw new Differs(
          "%s: %d bytes at %d, differs from byte %d to %d of the file; %d should have been read"
              .formatted(what, seen.length, offset, offset + at, offset + last, expected.length));
    }
  }

  private void compareAll() throws Posix.Failed, Differs {
    for (int mount = 0; mount < mounts.size(); mount++) {
      for (int i = 0; i < NAMES; i++) {
        String name = "f" + i;
        Expected file = names.get(name);
        int fd = C.open(Posix.path(on(mount, name)), Posix.O_RDONLY, 0);
        if (file == null ? fd >= 0 : fd < 0) {
          throw new Differs(
              name + " on mount " + mount + (file == null ? " is" : " is not") + " there");
        }
        if (file != null) {
          compare(name + " on mount " + mount, file, 0, SIZE_MAX, calls.read(fd, SIZE_MAX, 0));
          check("close", C.close(fd));
        }
      }
    }
  }
}
