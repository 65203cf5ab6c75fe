package io.lockstep.simulation.disk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.replication.store.BufferPool;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.replication.store.ObjectTable;
import io.lockstep.replication.store.ReplicaDb;
import io.lockstep.replication.store.ReplicaDirectory;
import io.lockstep.replication.store.StoredObject;
import io.lockstep.simulation.world.SimHost;
import io.lockstep.simulation.world.VirtualTime;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.util.Random;
import java.util.UUID;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Facts about {@link StoredObject} on a disk that fails, as no real one does on demand. */
class FailingDiskTest {
  private static final int BYTES = 8192;

  private final VirtualTime time = new VirtualTime();
  private final SimDisk disk =
      new SimDisk(time, new SimHost(time, "storage", new Random(1)), new Random(2));
  private StoredObject object;
  private ReplicaDb db;

  @BeforeEach
  void create() throws IOException, Outcome {
    Files.createDirectory(disk.root());
    db = new ReplicaDb(disk.openRows());
    ReplicaDirectory directories = new ReplicaDirectory(disk.root(), new UUID(1, 2));
    directories.ensure(7, 1, 0);
    ObjectTable table =
        new ObjectTable(db, directories, new BufferPool(), 4, new ObjectTable.Counters());
    object = table.object(new ObjectKey(7, 3));
    object.write(0, new ByteBuffer[] {ByteBuffer.allocate(BYTES).put(0, (byte) 1)});
  }

  private static void assertFails(ErrorCode code, ThrowingCallable call) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(Outcome.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  private void sync() throws Outcome {
    StoredObject.Sync sync = object.beginSync(false);
    IOException problem = null;
    try {
      sync.run();
    } catch (IOException e) {
      problem = e;
    }
    object.onSynced(sync, problem);
  }

  @Test
  void fullDiskRefusesToExtendAndStopsNothing() throws Outcome {
    disk.capacity(0);
    assertFails(ErrorCode.NO_SPACE, () -> object.truncate(4 * BYTES));
    assertThat(object.failure()).isNull();
    assertThat(object.sizeBytes()).isEqualTo(BYTES);
    disk.capacity(1 << 20);
    object.truncate(4 * BYTES);
    assertThat(object.sizeBytes()).isEqualTo(4 * BYTES);
  }

  @Test
  void afterAFailureOfTheRowsNothingIsCommittedAnyMore() throws IOException {
    disk.failRows(1);
    assertThatThrownBy(() -> db.removeReplica(8)).isInstanceOf(IOException.class);
    // A write whose mark stands in memory needs no row; the mark may be what failed.
    assertThatThrownBy(() -> db.commit(db.batch())).isInstanceOf(IOException.class);
  }

  /** It would finish with holes where it had found its bytes equal before. */
  @Test
  void repairUnderWayDoesNotGoOnBehindARenewal() throws Outcome {
    object.beginRepair(5);
    disk.failSyncs(1);
    sync();
    object.renew();
    assertThat(object.repairTask()).isZero();
  }

  @Test
  void objectThatAFailedSyncStoppedBeginsAnewWithNothing() throws Outcome {
    disk.failSyncs(1);
    sync();
    assertFails(ErrorCode.IO_ERROR, () -> object.truncate(0));
    object.renew();
    assertThat(object.exists()).isFalse();
    // What it was may come back until the directory is synced.
    assertThat(object.isUnsynced()).isTrue();
    sync();
    assertThat(object.isUnsynced()).isFalse();
    object.write(100, new ByteBuffer[] {ByteBuffer.allocate(BYTES)});
    sync();
    assertThat(object.isUnsynced()).isFalse();
    byte[] whole = object.read(0, BYTES).toByteArray();
    assertThat(whole).containsOnly(0);
  }
}
