package io.lockstep.tools.it;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;

/**
 * Any thread may ask it. Threads that write files without a pause, each its own: blocks at random
 * places, an fsync, a read of what was written before, a small file made, renamed and removed. Any
 * error ends it, and the test. {@link #close} compares every file with what was written.
 */
final class BusyFiles implements AutoCloseable {
  private static final int BLOCK_BYTES = 16_384;
  private static final int BLOCKS = 64;
  private static final long ROUND_WAIT_NS = TimeUnit.SECONDS.toNanos(60);

  private final Path directory;
  private final List<Thread> threads = new ArrayList<>();
  private final AtomicLong rounds = new AtomicLong();
  private final AtomicLong longestNs = new AtomicLong();
  private final AtomicReference<Throwable> failure = new AtomicReference<>();
  private volatile boolean stopping;

  BusyFiles(Path directory, int threadCount, long seed) {
    this.directory = directory;
    System.out.println("busy files with seed " + seed);
    for (int i = 0; i < threadCount; i++) {
      Worker worker = new Worker(i, new SplittableRandom(seed + i));
      Thread thread = new Thread(worker, "busy-" + i);
      thread.setDaemon(true);
      threads.add(thread);
      thread.start();
    }
  }

  /** Waits until so many more rounds were done. */
  void awaitRounds(long more) {
    long goal = rounds.get() + more;
    long deadlineNs = System.nanoTime() + ROUND_WAIT_NS;
    while (rounds.get() < goal) {
      rethrow();
      if (System.nanoTime() - deadlineNs >= 0) {
        throw new AssertionError("only " + rounds.get() + " rounds of " + goal + " were done");
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(5));
    }
    rethrow();
  }

  /** The longest that one system call took. */
  long longestStallMs() {
    return TimeUnit.NANOSECONDS.toMillis(longestNs.get());
  }

  private void rethrow() {
    if (failure.get() != null) {
      throw new AssertionError("a program saw an error", failure.get());
    }
  }

  @Override
  public void close() {
    stopping = true;
    for (Thread thread : threads) {
      Uninterruptibles.join(thread, ROUND_WAIT_NS);
      assertThat(thread.isAlive()).as(thread.getName() + " hangs").isFalse();
    }
    rethrow();
  }

  private interface Step {
    void run() throws IOException;
  }

  private void timed(Step step) throws IOException {
    long startNs = System.nanoTime();
    step.run();
    long tookNs = System.nanoTime() - startNs;
    longestNs.accumulateAndGet(tookNs, Math::max);
  }

  /** Confined to its thread. */
  private final class Worker implements Runnable {
    private final int number;
    private final SplittableRandom random;
    private final byte[] expected = new byte[BLOCKS * BLOCK_BYTES];

    Worker(int number, SplittableRandom random) {
      this.number = number;
      this.random = random;
    }

    @Override
    public void run() {
      Path file = directory.resolve("busy-" + number);
      try (FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        timed(() -> write(channel, 0, expected));
        while (!stopping) {
          round(channel);
          rounds.incrementAndGet();
        }
        compare(channel);
      } catch (IOException | RuntimeException | AssertionError e) {
        failure.compareAndSet(null, e);
      }
    }

    private void round(FileChannel channel) throws IOException {
      for (int i = 0; i < 8; i++) {
        byte[] block = new byte[BLOCK_BYTES];
        random.nextBytes(block);
        int offset = random.nextInt(BLOCKS) * BLOCK_BYTES;
        System.arraycopy(block, 0, expected, offset, BLOCK_BYTES);
        timed(() -> write(channel, offset, block));
      }
      timed(() -> channel.force(true));
      Path fresh = directory.resolve("fresh-" + number);
      Path moved = directory.resolve("moved-" + number);
      timed(() -> Files.writeString(fresh, "round " + rounds.get()));
      timed(() -> Files.move(fresh, moved, java.nio.file.StandardCopyOption.ATOMIC_MOVE));
      timed(() -> Files.delete(moved));
      if (random.nextInt(8) == 0) {
        timed(() -> compare(channel));
      }
    }

    private void write(FileChannel channel, int offset, byte[] bytes) throws IOException {
      ByteBuffer buffer = ByteBuffer.wrap(bytes);
      while (buffer.hasRemaining()) {
        channel.write(buffer, (long) offset + buffer.position());
      }
    }

    private void compare(FileChannel channel) throws IOException {
      ByteBuffer buffer = ByteBuffer.allocate(expected.length);
      while (buffer.hasRemaining() && channel.read(buffer, buffer.position()) >= 0) {
        // Until everything is there.
      }
      assertThat(buffer.array()).as("what is in busy-" + number).isEqualTo(expected);
    }
  }
}
