package io.lockstep.tools.stress;

import io.lockstep.tools.UserError;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;

/**
 * Confined to its caller, but for its threads, which share histories, descriptors and the tally.
 * One run of load on one file.
 */
public final class Stress {
  private static final int SYNC_PERCENT = 3;
  private static final int RE_READS = 5;
  private static final long HANG_NS = TimeUnit.SECONDS.toNanos(40);
  private static final long PROGRESS_NS = TimeUnit.SECONDS.toNanos(1);
  private static final long MORE_TIMES = 4;

  /** Confined to its caller. Whether the load has run for long enough. */
  public interface Enough {
    boolean isIt() throws IOException;
  }

  private final StressOptions options;
  private final Consumer<StressReport> progress;
  private final Tally tally = new Tally();
  private final List<BlockHistory> histories = new ArrayList<>();
  private final List<OpenFile> files = new ArrayList<>();
  private final String name;
  private long hanging;
  private volatile boolean stopping;

  /**
   * @param progress told every second what was done so far
   */
  public Stress(StressOptions options, Consumer<StressReport> progress) {
    this.options = options;
    this.progress = progress;
    this.name = "stress-" + Long.toHexString(new SplittableRandom().nextLong());
    for (int block = 0; block < options.blocks(); block++) {
      histories.add(new BlockHistory(block));
    }
  }

  /** The file under load, in the first directory. */
  public Path file() {
    return options.directories().get(0).resolve(name);
  }

  /** Makes the file, so that its name and inode are known before the load begins. */
  public void prepare() throws IOException, UserError {
    Files.createFile(file());
    for (Path directory : options.directories()) {
      if (!Files.exists(directory.resolve(name))) {
        Files.delete(file());
        throw UserError.misuse(
            "%s does not show a file made in %s: are they mounts of one volume?",
            directory, options.directories().get(0));
      }
    }
  }

  /** Runs the load; every descriptor is closed in the end. */
  public StressReport run() throws IOException, InterruptedException {
    return run(() -> true);
  }

  /**
   * The same, and beyond its time, up to four times as long, until it was enough: a busy machine
   * may need longer to come to the case in question.
   */
  public StressReport run(Enough enough) throws IOException, InterruptedException {
    for (int i = 0; i < options.descriptors(); i++) {
      Path directory = options.directories().get(i % options.directories().size());
      files.add(new OpenFile(directory.resolve(name)));
    }
    List<Thread> threads = new ArrayList<>();
    CountDownLatch running = new CountDownLatch(options.threads());
    for (int writer = 0; writer < options.threads(); writer++) {
      Worker worker = new Worker(writer);
      Thread thread = new Thread(() -> run(worker, running), "stress-" + writer);
      thread.setDaemon(true);
      threads.add(thread);
      thread.start();
    }
    long startNs = System.nanoTime();
    awaitEnd(running, startNs + options.durationNs());
    while (!enough.isIt() && System.nanoTime() - startNs < MORE_TIMES * options.durationNs()) {
      awaitEnd(running, System.nanoTime() + PROGRESS_NS);
    }
    stopping = true;
    hanging = join(threads);
    if (hanging == 0) {
      for (OpenFile file : files) {
        closeLast(file);
      }
    }
    return tally.report(hanging);
  }

  /** After {@link #run}: reads every block through each directory. The report of all. */
  public StressReport compare() {
    for (Path directory : options.directories()) {
      if (hanging == 0) {
        compare(directory.resolve(name));
      }
    }
    return tally.report(hanging);
  }

  private static void run(Worker worker, CountDownLatch running) {
    try {
      worker.run();
    } finally {
      running.countDown();
    }
  }

  /** Until that time, or until no thread runs any more. */
  private void awaitEnd(CountDownLatch running, long endNs) throws InterruptedException {
    boolean ended = false;
    while (!ended && endNs - System.nanoTime() > 0) {
      ended = running.await(Math.min(PROGRESS_NS, endNs - System.nanoTime()), TimeUnit.NANOSECONDS);
      progress.accept(tally.report(0));
    }
  }

  private static long join(List<Thread> threads) throws InterruptedException {
    long deadlineNs = System.nanoTime() + HANG_NS;
    long hanging = 0;
    for (Thread thread : threads) {
      long leftMs = TimeUnit.NANOSECONDS.toMillis(deadlineNs - System.nanoTime());
      thread.join(Math.max(1, leftMs));
      hanging += thread.isAlive() ? 1 : 0;
    }
    return hanging;
  }

  private void closeLast(OpenFile file) {
    try {
      file.close();
    } catch (IOException e) {
      tally.error("close: " + e.getMessage());
    }
  }

  private void compare(Path path) {
    ByteBuffer buffer = ByteBuffer.allocateDirect(Stamp.BLOCK_BYTES);
    try (FileChannel channel = OpenFile.open(path)) {
      for (int block = 0; block < options.blocks(); block++) {
        check(channel, block, buffer, path.toString());
      }
    } catch (IOException e) {
      tally.error("reading " + path + " at the end: " + e.getMessage());
    }
  }

  private void check(FileChannel channel, int block, ByteBuffer buffer, String where)
      throws IOException {
    BlockHistory history = histories.get(block);
    Stamp found = null;
    String wrong = null;
    for (int i = 0; i < RE_READS && found == null && wrong == null; i++) {
      BlockHistory.Read read = history.beginRead();
      try {
        long offset = (long) block * Stamp.BLOCK_BYTES;
        buffer.clear();
        while (buffer.hasRemaining() && channel.read(buffer, offset + buffer.position()) > 0) {
          // Until the block is whole or the file ends.
        }
        buffer.flip();
        found = Stamp.read(buffer, block);
      } catch (IOException e) {
        history.abandonRead(read);
        throw e;
      }
      wrong = history.endRead(read, found);
    }
    tally.checked.increment();
    if (wrong != null) {
      tally.bad("block " + block + " through " + where + " " + wrong);
    }
  }

  /** Confined to its thread. */
  private final class Worker {
    private final int writer;
    private final SplittableRandom random;
    private final ByteBuffer buffer = ByteBuffer.allocateDirect(Stamp.BLOCK_BYTES);
    private long sequence;

    Worker(int writer) {
      this.writer = writer;
      this.random = new SplittableRandom(System.nanoTime() + writer);
    }

    void run() {
      while (!stopping) {
        OpenFile file = files.get(random.nextInt(files.size()));
        int block = random.nextInt(options.blocks());
        int dice = random.nextInt(100);
        long fromNs = System.nanoTime();
        try {
          step(file, block, dice);
        } catch (IOException e) {
          tally.error(e.getClass().getSimpleName() + ": " + e.getMessage());
        }
        tally.took(fromNs);
      }
    }

    private void step(OpenFile file, int block, int dice) throws IOException {
      if (dice < options.closePercent()) {
        file.reopen();
        tally.closes.increment();
      } else if (dice < options.closePercent() + SYNC_PERCENT) {
        file.use(channel -> channel.force(false));
        tally.syncs.increment();
      } else if (dice < options.closePercent() + SYNC_PERCENT + options.readPercent()) {
        file.use(channel -> check(channel, block, buffer, "a descriptor"));
        tally.reads.increment();
      } else {
        write(file, block);
        tally.writes.increment();
      }
    }

    private void write(OpenFile file, int block) throws IOException {
      sequence++;
      Stamp stamp = new Stamp(writer, sequence, block);
      stamp.write(buffer);
      BlockHistory history = histories.get(block);
      BlockHistory.Write write = history.beginWrite(stamp);
      file.use(
          channel -> {
            while (buffer.hasRemaining()) {
              channel.write(buffer, (long) block * Stamp.BLOCK_BYTES + buffer.position());
            }
          });
      history.endWrite(write);
    }
  }

  /** Removes the file. */
  public void clean() throws IOException {
    Files.deleteIfExists(file());
  }
}
