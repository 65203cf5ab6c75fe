package io.lockstep.tools.it;

import io.lockstep.fs.fuse.Posix;
import io.lockstep.tools.cluster.ClusterAddress;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * Any thread may ask it. Threads on two mounts that write, read, append, rename over, create, lock
 * and sync the same few files without an end, and on two loose ones that open, write and close
 * others, and write down what they saw. Errors are part of it: they say what may be lost, and the
 * thread opens its files again.
 */
final class FaultLoad {
  /** Threads on each mount. */
  static final int THREADS = 3;

  private static final int LOOSE_THREADS = 2;
  private static final int PAUSE_US_MAX = 6_000;
  private static final int JOIN_SECONDS = 60;

  private final ClusterAddress cluster;
  private final List<Path> mounts;
  private final FaultHistory history = new FaultHistory();
  private final List<FaultThread> workers = new ArrayList<>();
  private final Threads threads = new Threads();
  private final AtomicInteger[] runs;
  private final AtomicIntegerArray down;
  private final AtomicInteger names = new AtomicInteger();
  private final AtomicInteger values = new AtomicInteger();
  private final AtomicLong done = new AtomicLong();
  private final AtomicLong failed = new AtomicLong();
  private volatile boolean held;
  private volatile boolean stopping;

  /**
   * Begins.
   *
   * @param mounts the loose ones last
   */
  FaultLoad(ClusterAddress cluster, List<Path> mounts, long seed) throws Exception {
    this.cluster = cluster;
    this.mounts = List.copyOf(mounts);
    this.down = new AtomicIntegerArray(mounts.size());
    this.runs = new AtomicInteger[mounts.size()];
    for (int mount = 0; mount < mounts.size(); mount++) {
      runs[mount] = new AtomicInteger(1);
    }
    FaultWorker.makeFiles(mounts.get(0));
    FaultLocker.makeFile(mounts.get(0), history);
    int coherent = FaultCluster.MOUNTS;
    for (int i = 0; i < THREADS * coherent; i++) {
      start(new FaultWorker(this, i % coherent, new SplittableRandom(seed * 31 + i)));
    }
    for (int mount = 0; mount < coherent; mount++) {
      start(new FaultLocker(this, mount, new SplittableRandom(seed * 37 + mount)));
    }
    int loose = mounts.size() - coherent;
    for (int i = 0; i < LOOSE_THREADS * loose; i++) {
      start(new FaultLooseWorker(this, coherent + i % loose, new SplittableRandom(seed * 41 + i)));
    }
    threads.start("leases", this::watchLeases);
  }

  private void start(FaultThread worker) {
    workers.add(worker);
    threads.start("load-" + workers.size(), () -> work(worker));
  }

  private void watchLeases() throws Exception {
    try (FaultLeases watched = new FaultLeases(cluster, history)) {
      while (!stopping) {
        watched.look();
      }
    }
  }

  private void work(FaultThread worker) throws Exception {
    SplittableRandom random = worker.random();
    while (!stopping) {
      // The pace of the load, and where it is held.
      LockSupport.parkNanos(1_000L * (1 + random.nextInt(PAUSE_US_MAX)));
      if (!held && down.get(worker.mount()) == 0) {
        (worker.step() ? done : failed).incrementAndGet();
      }
    }
    worker.end();
  }

  FaultHistory history() {
    return history;
  }

  Path mount(int index) {
    return mounts.get(index);
  }

  /** The name of this run of the mount in the history. */
  String client(int mount) {
    return (char) ('a' + mount) + "#" + runs[mount].get();
  }

  /** The mount was killed: what only it had is gone. */
  void mountDied(int mount) {
    // Nobody looks into the bare directory.
    down.set(mount, 1);
    String client = client(mount);
    runs[mount].incrementAndGet();
    history.lost(client, null);
  }

  /** It is back, as another one. */
  void mountCame(int mount) {
    down.set(mount, 0);
  }

  /** Operations that have begun and not ended: what a fault hits. */
  int inFlight() {
    return (int) workers.stream().filter(FaultThread::isBusy).count();
  }

  /** A number that no other call gave. */
  int newName() {
    return names.incrementAndGet();
  }

  /** The newest that was given. */
  int lastName() {
    return names.get();
  }

  int newValue() {
    return values.incrementAndGet();
  }

  /** Nothing new begins until {@link #letGo}. */
  void hold() {
    held = true;
  }

  void letGo() {
    held = false;
  }

  /** Everything is read once, by this thread, and stands in the history. */
  void readAll(int mount) throws Posix.Failed {
    new FaultWorker(this, mount, new SplittableRandom(1)).readAll();
  }

  /** For {@link LoadProcess}. */
  String status() {
    return new LoadProcess.Status(
            done.get(), failed.get(), inFlight(), history.durable(), threads.hasFailed())
        .text();
  }

  /** Ends the load: all files are synced and closed. */
  void end() {
    stopping = true;
    held = false;
    threads.join(JOIN_SECONDS);
  }
}
