package io.lockstep.simulation.cluster;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.fs.vfs.Files;
import io.lockstep.fs.vfs.OpenMode;
import io.lockstep.lockd.client.LockSpec;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.LockAction;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;

/**
 * A write under a file lock waits for its lease while nothing reaches its mount from the master.
 * That costs the lock, but not the session: the lease comes after all, when others may have the
 * lock.
 */
class LostLockTest {
  private static final ByteString NAME = ByteString.copyFromUtf8("file");
  private static final Caller CALLER = Caller.getDefaultInstance();

  private final Cluster cluster = new Cluster(1, 3, 2, Variants.production());
  private final MountNode one = cluster.mounts().get(0);
  private final MountNode two = cluster.mounts().get(1);
  private final List<ErrorCode> codes = new ArrayList<>();

  private interface Task {
    void run() throws Outcome;
  }

  /** As an application of that mount. */
  private void on(MountNode mount, Task task) {
    mount
        .fibers()
        .start(
            mount.host(),
            mount.host().name() + ".1",
            () -> {
              try {
                task.run();
                codes.add(ErrorCode.OK);
              } catch (Outcome e) {
                codes.add(e.code());
              }
            });
  }

  private void awaitCodes(int count) {
    cluster.await("an application to be done", 60, () -> codes.size() == count);
  }

  private static Files.Created open(MountNode mount) throws Outcome {
    return mount
        .vfs()
        .files()
        .create(CALLER, mount.vfs().options().root(), NAME, 0644, OpenMode.READ_WRITE);
  }

  private static void write(MountNode mount, long handle, String text) throws Outcome {
    mount.vfs().files().write(handle, 0, ByteBuffer.wrap(text.getBytes(UTF_8)), false);
    mount.vfs().files().flush(handle);
  }

  private static void lock(MountNode mount, Files.Created file) throws Outcome {
    LockSpec all =
        new LockSpec(file.attributes().getInode(), false, 1, 0, Long.MAX_VALUE, mount.run());
    CompletableFuture<ErrorCode> done = new CompletableFuture<>();
    mount.vfs().locks().set(file.handle(), all, LockAction.LOCK_WRITE, true, done::complete);
    assertThat(mount.fibers().await(done, 20_000_000_000L)).isTrue();
    assertThat(done.join()).isEqualTo(ErrorCode.OK);
  }

  @Test
  void writeThatWaitedUntilItsLockWasLostIsNotDone() {
    try (cluster) {
      cluster.start();
      Files.Created[] mine = new Files.Created[1];
      on(
          one,
          () -> {
            mine[0] = open(one);
            lock(one, mine[0]);
          });
      awaitCodes(1);
      on(two, () -> write(two, open(two).handle(), "theirs"));
      awaitCodes(2);
      String[] read = new String[1];
      cluster.network().cut("master", "mount1");
      on(one, () -> write(one, mine[0].handle(), "late"));
      cluster.time().at(cluster.time().nowNs() + 11_000_000_000L, "mend", this::mend);
      awaitCodes(3);
      on(
          two,
          () -> {
            Files.Created file = open(two);
            ByteBuffer bytes = ByteBuffer.allocate(100);
            int count = two.vfs().files().read(file.handle(), 0, bytes);
            read[0] = new String(bytes.array(), 0, count, UTF_8);
          });
      awaitCodes(4);
      assertThat(codes)
          .containsExactly(ErrorCode.OK, ErrorCode.OK, ErrorCode.IO_ERROR, ErrorCode.OK);
      assertThat(read[0]).isEqualTo("theirs");
      // Not vacuous: the session is the one that had the lock.
      assertThat(cluster.time().notes()).noneMatch(note -> note.contains("its session has ended"));
    }
  }

  private void mend() {
    cluster.network().mend("master", "mount1");
  }
}
