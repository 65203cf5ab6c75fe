package io.lockstep.replication.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import java.nio.ByteBuffer;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Reads that come while a write of the same mount is with the members, on threads of their own. */
@Timeout(60)
class ReadBesideWriteTest {
  private static final int PAGE = Limits.BLOCK_BYTES;

  private final RealTime time = new RealTime();
  private final FakeCluster cluster = new FakeCluster(time);
  private final ExecutorService threads = Executors.newFixedThreadPool(2);
  private final CompletableFuture<Void> gate = new CompletableFuture<>();
  private Future<?> write;

  @AfterEach
  void close() {
    gate.complete(null);
    threads.shutdownNow();
    cluster.mounts.forEach(mount -> mount.client.close());
    time.close();
  }

  /** A file of two pages of ones, the first of which is being overwritten with twos. */
  private InodeContent beingWritten(LockSeam seam) throws Outcome {
    InodeContent file =
        (InodeContent) cluster.mount(ClientOptions.DEFAULT, seam).open(ClientCase.INODE);
    Descriptor direct = file.newDescriptor(true);
    file.write(0, filled(1, 2 * PAGE), false, direct);
    time.execute(() -> cluster.members.forEach(member -> member.writesWaitFor = gate));
    write = threads.submit(() -> file.write(0, filled(2, 100), false, direct));
    await().until(() -> file.leased().writes().beside(0, 1) != null);
    return file;
  }

  private static ByteBuffer filled(int value, int size) {
    ByteBuffer bytes = ByteBuffer.allocate(size);
    while (bytes.hasRemaining()) {
      bytes.put((byte) value);
    }
    return bytes.flip();
  }

  private static int byteAt(FileContent file, long offset) throws Outcome {
    ByteBuffer target = ByteBuffer.allocate(1);
    assertThat(file.read(offset, target)).isEqualTo(1);
    return target.get(0);
  }

  @Test
  void readOfAPageThatIsBeingWrittenIsAnsweredAfterTheWrite() throws Exception {
    InodeContent file = beingWritten(LockSeam.PRODUCTION);
    Future<Integer> read = threads.submit(() -> byteAt(file, 10));
    await().until(() -> !file.leased().waiters().snapshot().reads().isEmpty());
    assertThat(read.isDone()).isFalse();
    gate.complete(null);
    assertThat(read.get()).isEqualTo(2);
    write.get();
    assertThat(file.leased().waiters().snapshot()).isEqualTo(WaitingRequests.NONE);
  }

  @Test
  void readOfAnotherPageDoesNotWait() throws Exception {
    InodeContent file = beingWritten(LockSeam.PRODUCTION);
    assertThat(byteAt(file, PAGE)).isEqualTo(1);
    assertThat(write.isDone()).isFalse();
  }

  /** What the kernel would keep in a page of which the write has long returned. */
  @Test
  void mutantThatDoesNotWaitAnswersWithWhatWasThereBefore() throws Exception {
    CoherenceRules hasty =
        new CoherenceRules() {
          @Override
          boolean mustWaitForWrites() {
            return false;
          }
        };
    InodeContent file =
        beingWritten(
            new LockSeam() {
              @Override
              public CoherenceRules coherence() {
                return hasty;
              }
            });
    assertThat(byteAt(file, 10)).isEqualTo(1);
    assertThat(write.isDone()).isFalse();
  }
}
