package io.lockstep.replication.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.core.Token;
import io.lockstep.replication.marks.Decision;
import io.lockstep.replication.marks.MarkRules;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.marks.WriteContext;
import io.lockstep.wire.Payload;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StoredObjectTest {
  private static final int BLOCK = Limits.BLOCK_BYTES;
  private static final Token LEASE = new Token(1, 1);
  private static final ObjectKey KEY = new ObjectKey(7, 0xabcd);
  private static final UUID DAEMON = new UUID(1, 2);

  @TempDir Path temporary;

  private Path root;
  private ReplicaDb db;
  private ReplicaDirectory directories;
  private ObjectTable table;
  private final ObjectTable.Counters counters = new ObjectTable.Counters();

  @BeforeEach
  void create() throws IOException {
    root = temporary.resolve("data");
    Files.createDirectories(root);
    open(root);
    directories.ensure(7, 1, 0);
  }

  @AfterEach
  void close() {
    table.closeAll();
    db.close();
  }

  private void open(Path where) throws IOException {
    db = new ReplicaDb(where.resolve("db"));
    directories = new ReplicaDirectory(where, DAEMON);
    table = new ObjectTable(db, directories, new BufferPool(), 4, counters);
  }

  private void reopen(Path where) throws IOException {
    close();
    open(where);
  }

  private StoredObject object() throws IOException, Outcome {
    return table.object(KEY);
  }

  /** As a disk agent does it: the mark, durable, then the bytes. */
  private void write(long cycle, long offset, byte[] bytes) throws IOException, Outcome {
    mark(cycle);
    object().write(offset, new ByteBuffer[] {ByteBuffer.wrap(bytes)});
  }

  private void mark(long cycle) throws IOException, Outcome {
    StoredObject object = object();
    Decision.Admit admit =
        (Decision.Admit)
            MarkRules.DEFAULT.onWrite(
                object.marks(), new WriteContext(LEASE, cycle, 0, 1, List.of()), true);
    try (DbBatch batch = db.batch()) {
      batch.putMarks(KEY, admit.marks(), true);
      db.commit(batch);
    }
    object.setMarks(admit.marks());
  }

  private void clear(long cycle) throws IOException, Outcome {
    StoredObject object = object();
    StoredObject.Sync sync = object.beginSync(false);
    if (sync != null) {
      sync.run();
      object.onSynced(sync, null);
    }
    Decision.Admit admit =
        (Decision.Admit) MarkRules.DEFAULT.onClearDirty(object.marks(), LEASE, cycle, List.of());
    ObjectMarks settled = admit.marks().withPresent(object.exists()).withSize(object.sizeBytes());
    try (DbBatch batch = db.batch()) {
      object.flushSums(batch);
      batch.putMarks(KEY, settled, false);
      db.commit(batch);
    }
    object.setMarks(settled);
  }

  private byte[] read(long offset, int length) throws IOException, Outcome {
    Payload payload = object().read(offset, length);
    byte[] bytes = payload.toByteArray();
    payload.release();
    return bytes;
  }

  private static byte[] random(long seed, int count) {
    byte[] bytes = new byte[count];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private void flip(long offset) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(directories.object(KEY).toFile(), "rw")) {
      file.seek(offset);
      int old = file.read();
      file.seek(offset);
      file.write(old ^ 1);
    }
  }

  private void corrupt(long offset, int length) {
    assertThatThrownBy(() -> read(offset, length))
        .isInstanceOfSatisfying(
            Outcome.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.CORRUPT));
  }

  @Test
  void fileLiesWhereTheFormatSays() throws Exception {
    write(1, 0, new byte[] {1});
    assertThat(root.resolve("replicas/0000000000000007/objects/cd/000000000000abcd.0")).exists();
  }

  @Test
  void checksumsAreStoredAsDocumented() throws Exception {
    byte[] block = new byte[BLOCK];
    Arrays.fill(block, (byte) 'a');
    write(1, BLOCK, block);
    assertThat(db.sums(KEY, 0)).isNull();
    clear(1);
    // Version 1, two blocks; the first is a hole and not known, the second has this CRC32C.
    java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
    crc.update(block);
    assertThat(HexFormat.of().formatHex(db.sums(KEY, 0)))
        .isEqualTo("01000002" + "00000000" + String.format("%08x", crc.getValue()) + "02");
  }

  @Test
  void randomChangesAreReadBackAndSurviveReopening() throws Exception {
    long seed = Long.getLong("seed", System.nanoTime());
    System.out.println("seed " + seed);
    Random random = new Random(seed);
    byte[] model = new byte[6 << 20];
    int size = 0;
    for (int step = 0; step < 600; step++) {
      int offset = random.nextInt(random.nextBoolean() ? 40_000 : 5 << 20);
      int length = 1 + random.nextInt(random.nextBoolean() ? 100 : 60_000);
      switch (random.nextInt(8)) {
        case 0 -> {
          mark(step);
          object().truncate(offset);
          if (offset < size) {
            Arrays.fill(model, offset, size, (byte) 0);
          }
          size = offset;
        }
        case 1 -> {
          mark(step);
          object().zero(offset, offset + length);
          if (offset < size) {
            Arrays.fill(model, offset, Math.min(size, offset + length), (byte) 0);
          }
        }
        case 2 -> {
          mark(step);
          clear(step);
          reopen(root);
        }
        default -> {
          byte[] bytes = random(random.nextLong(), length);
          write(step, offset, bytes);
          System.arraycopy(bytes, 0, model, offset, length);
          size = Math.max(size, offset + length);
        }
      }
      assertThat(object().sizeBytes()).isEqualTo(size);
      int from = random.nextInt(Math.max(1, size));
      int to = Math.min(size, from + 100_000);
      assertThat(read(from, 100_000)).isEqualTo(Arrays.copyOfRange(model, from, to));
    }
    assertThat(counters.corruptBlocks.sum()).isZero();
  }

  @Test
  void flippedBitIsFoundAndOnlyItsBlockIsRefused() throws Exception {
    write(1, 0, random(1, 3 * BLOCK + 10));
    clear(1);
    reopen(root);
    flip(BLOCK + 5);
    assertThat(read(0, BLOCK)).hasSize(BLOCK);
    corrupt(BLOCK, 1);
    corrupt(0, 3 * BLOCK);
    assertThat(read(2 * BLOCK, 2 * BLOCK)).hasSize(BLOCK + 10);
    flip(3 * BLOCK + 9);
    corrupt(3 * BLOCK, 10);
    assertThat(counters.corruptBlocks.sum()).isPositive();
    // Overwriting a part of the bad block does not make it good.
    assertThatThrownBy(() -> write(2, BLOCK + 100, new byte[10])).isInstanceOf(Outcome.class);
    write(2, BLOCK, random(2, BLOCK));
    assertThat(read(BLOCK, BLOCK)).isEqualTo(random(2, BLOCK));
  }

  @Test
  void cutAndMissingFilesAreDamage() throws Exception {
    write(1, 0, random(1, 3 * BLOCK));
    clear(1);
    reopen(root);
    try (RandomAccessFile file = new RandomAccessFile(directories.object(KEY).toFile(), "rw")) {
      file.setLength(BLOCK);
    }
    corrupt(0, 1);
    reopen(root);
    Files.delete(directories.object(KEY));
    corrupt(0, 1);
    assertThat(object().isDamaged()).isTrue();
  }

  @Test
  void whatACrashLeftUnderAMarkIsResidueAndNotCorruption() throws Exception {
    write(1, 0, random(1, 4 * BLOCK));
    clear(1);
    mark(2);
    object().write(BLOCK, new ByteBuffer[] {ByteBuffer.wrap(random(2, BLOCK))});
    Path copy = copyOf(root);
    reopen(copy);
    // Torn: half of the new block, as a power cut leaves it.
    try (RandomAccessFile file = new RandomAccessFile(directories.object(KEY).toFile(), "rw")) {
      file.seek(BLOCK + BLOCK / 2);
      file.write(new byte[BLOCK / 2]);
    }
    assertThat(object().marks().dirty()).isNotNull();
    assertThat(object().isUnsynced()).isTrue();
    assertThat(read(0, 4 * BLOCK)).hasSize(4 * BLOCK);
    // Clearing that mark drops checksums of the past: they may speak of other bytes.
    clear(2);
    reopen(copy);
    assertThat(read(0, 4 * BLOCK)).hasSize(4 * BLOCK);
    assertThat(db.sums(KEY, 0)).isNull();
    assertThat(counters.corruptBlocks.sum()).isZero();
  }

  @Test
  void markIsDurableBeforeTheBytesAre() throws Exception {
    write(1, 0, random(1, BLOCK));
    // The copy has what the database wrote so far, without any closing.
    reopen(copyOf(root));
    assertThat(object().marks().dirty()).isNotNull();
    assertThat(object().marks().dirty().names(LEASE, 1)).isTrue();
  }

  @Test
  void failedSyncStopsTheObject() throws Exception {
    write(1, 0, random(1, BLOCK));
    StoredObject.Sync sync = object().beginSync(false);
    object().onSynced(sync, new IOException("no space left on device"));
    assertThatThrownBy(() -> object().beginSync(false))
        .isInstanceOfSatisfying(
            Outcome.class, e -> assertThat(e.code()).isEqualTo(ErrorCode.IO_ERROR));
    assertThatThrownBy(() -> write(2, 0, new byte[1])).isInstanceOf(Outcome.class);
    assertThatThrownBy(() -> read(0, 1)).isInstanceOf(Outcome.class);
    assertThat(counters.stoppedObjects.sum()).isEqualTo(1);
  }

  @Test
  void zeroingLeavesHolesAlone() throws Exception {
    mark(1);
    object().truncate(1L << 32);
    object().zero(0, 64L << 20);
    assertThat(read(32 << 20, BLOCK)).isEqualTo(new byte[BLOCK]);
    Process du = new ProcessBuilder("du", "-k", directories.object(KEY).toString()).start();
    String output = new String(du.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
    assertThat(Integer.parseInt(output.split("\\s", 2)[0])).isLessThan(100);
  }

  @Test
  void fewFilesAreOpenAtOnce() throws Exception {
    for (int inode = 1; inode <= 50; inode++) {
      table
          .object(new ObjectKey(7, inode))
          .write(0, new ByteBuffer[] {ByteBuffer.wrap(new byte[] {(byte) inode})});
    }
    assertThat(counters.openFiles.sum()).isEqualTo(4);
    for (int inode = 1; inode <= 50; inode++) {
      StoredObject.Sync sync = table.object(new ObjectKey(7, inode)).beginSync(false);
      sync.run();
    }
  }

  @Test
  void bufferedReadsAreReleasedOnceForAll() throws Exception {
    write(1, 0, random(1, 100_000));
    Payload payload = object().read(10, 90_000);
    payload.retain();
    byte[] first = payload.toByteArray();
    payload.release();
    assertThat(payload.toByteArray()).isEqualTo(first);
    payload.release();
    assertThat(first).isEqualTo(Arrays.copyOfRange(random(1, 100_000), 10, 90_010));
  }

  private Path copyOf(Path from) throws IOException {
    Path to = temporary.resolve("copy");
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path directory, BasicFileAttributes attributes)
              throws IOException {
            Files.createDirectories(to.resolve(from.relativize(directory)));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.copy(file, to.resolve(from.relativize(file)));
            return FileVisitResult.CONTINUE;
          }
        });
    return to;
  }
}
