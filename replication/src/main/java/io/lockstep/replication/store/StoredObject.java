package io.lockstep.replication.store;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.replication.marks.Copy;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.wire.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the disk agent of the object. One object in memory: its marks, its file, its
 * checksums, and what of it is not durable yet.
 *
 * <p>Fail-stop: after the first write or sync that failed, but for a full disk, what is on the disk
 * is unknown; every later use answers IO_ERROR until a heal begins it anew.
 */
public final class StoredObject {
  private static final int BLOCK = Limits.BLOCK_BYTES;
  private static final int ZERO_CHUNK = 1 << 20;
  private static final ByteBuffer ZEROS = ByteBuffer.allocateDirect(ZERO_CHUNK);

  /** A sync that was begun: executed off the agent, then given back to {@link #onSynced}. */
  public static final class Sync {
    private final @Nullable ObjectFile file;
    private final Path directory;
    private final boolean times;
    private final boolean entry;
    private final long changes;

    private Sync(
        @Nullable ObjectFile file, Path directory, boolean times, boolean entry, long changes) {
      this.file = file;
      this.directory = directory;
      this.times = times;
      this.entry = entry;
      this.changes = changes;
    }

    /** Blocking; any thread. */
    public void run() throws IOException {
      if (file != null) {
        file.sync(times);
      }
      if (entry) {
        DurableFiles.syncDirectory(directory);
      }
    }
  }

  private final ObjectTable table;
  private final ObjectKey key;
  private final BlockSums sums;
  private final BlockChecks checks;
  private final RepairState repair;

  private ObjectMarks marks;
  private @Nullable ObjectFile file;
  private long size;
  private boolean exists;
  private boolean entryUnsynced;
  private @Nullable String failure;

  /** Changes of bytes or size so far; how many of them are durable, and also when they were. */
  private long changes;

  private long durableChanges;
  private long durableTimes;
  private int admitted;

  StoredObject(ObjectTable table, ObjectKey key, ObjectMarks marks, Path path) throws IOException {
    this.table = table;
    this.key = key;
    this.marks = marks;
    // What an earlier run left under a mark may not be durable yet, and its checksums are residue.
    boolean residue = !marks.isSettled();
    this.sums = new BlockSums(table.db(), key, residue, table::onGroups);
    this.checks =
        new BlockChecks(key, sums, table.buffers(), table.blockBuffer(), table::onCorrupt);
    this.repair = new RepairState(table::countTaken);
    this.exists = Files.exists(path);
    this.size = exists ? Files.size(path) : 0;
    // A tombstone is durable before its file goes, and says nothing of whether it went.
    if ((residue && exists) || marks.tombstone()) {
      changes = 1;
      entryUnsynced = true;
    }
  }

  public ObjectKey key() {
    return key;
  }

  public ObjectMarks marks() {
    return marks;
  }

  /** Takes new marks; whoever sets them has put them into the batch that is committed next. */
  public void setMarks(ObjectMarks now) {
    marks = now;
  }

  public boolean exists() {
    return exists;
  }

  public long sizeBytes() {
    return size;
  }

  /** When its file was changed last, in nanoseconds since 1970; 0 if there is none. */
  public long modifiedNs() {
    try {
      return exists ? Files.getLastModifiedTime(table.path(key)).to(TimeUnit.NANOSECONDS) : 0;
    } catch (IOException e) {
      // Times are for people; the bytes' own failures are found where they are used.
      return 0;
    }
  }

  /** Why this object is stopped, or null. */
  public @Nullable String failure() {
    return failure;
  }

  /**
   * Whether nothing that this run reads of the file is believed: it stopped, or a sync of it failed
   * in an earlier run. It is {@link #renew renewed} before anything is added to it.
   */
  public boolean isLost() {
    return failure != null || (marks.copy() == Copy.LOST && !repair.isRenewed());
  }

  /** The file that belongs to a settled record is gone or has another size: damage (P15). */
  public boolean isDamaged() {
    boolean settled = marks.isSettled() && !marks.tombstone() && !isUnsynced() && admitted == 0;
    return settled && marks.present() && (!exists || size != marks.size());
  }

  /** A change was admitted and will be executed after the commit. */
  public void admit() {
    admitted++;
  }

  public void onExecuted() {
    Check.that(admitted > 0, "object %s executes what it did not admit", key);
    admitted--;
  }

  /** Whether changes are admitted that are not executed yet. */
  public boolean hasAdmitted() {
    return admitted > 0;
  }

  public boolean isUnsynced() {
    return durableChanges < changes;
  }

  /** Gives back everything: the object is not in memory any more. */
  void drop() {
    closeFile();
    repair.forgetTaken();
    sums.distrust();
  }

  /** Drops checksums that can be read again. */
  void trimSums() {
    sums.trim();
  }

  // ---- repair

  public RepairState repair() {
    return repair;
  }

  /**
   * The bytes are going to be made equal to a source by this task: what is known of them is not
   * believed any more. A later task takes the object away from an earlier one.
   */
  public void beginRepair(long task) {
    repair.begin(task);
    sums.distrust();
  }

  /**
   * Begins anew with no bytes when it {@link #isLost is lost}, for a heal that brings all of them:
   * what a failed sync left in the file is of no use, and the members in step have a whole copy. A
   * second time would take what came since. A repair that is under way ends: it has compared bytes
   * that are gone.
   */
  public void renew() throws Outcome {
    Check.that(isLost(), "object %s is renewed, but not lost", key);
    deleteFile();
    sums.distrust();
    failure = null;
    repair.onRenewed();
  }

  /** The task that repairs the object; 0 = none. */
  public long repairTask() {
    return repair.task();
  }

  // ---- bytes

  /** Writes the buffers one after another at {@code offset}. */
  public void write(long offset, ByteBuffer[] buffers) throws Outcome {
    long length = 0;
    for (ByteBuffer buffer : buffers) {
      length += buffer.remaining();
    }
    if (length == 0) {
      return;
    }
    long end = offset + length;
    ObjectFile open = null;
    try {
      open = file();
      boolean headCut = offset % BLOCK != 0;
      boolean tailCut = end % BLOCK != 0;
      if (headCut) {
        checks.verifyBlock(open, offset / BLOCK, size);
      }
      if (tailCut && end < size && (!headCut || (end - 1) / BLOCK != offset / BLOCK)) {
        checks.verifyBlock(open, end / BLOCK, size);
      }
      changes++;
      long at = offset;
      for (ByteBuffer buffer : buffers) {
        int count = buffer.remaining();
        open.write(buffer.duplicate(), at);
        at += count;
      }
      size = Math.max(size, end);
      checks.update(offset, buffers);
      if (headCut) {
        checks.updateFromFile(open, offset / BLOCK);
      }
      if (tailCut && !(headCut && (end - 1) / BLOCK == offset / BLOCK)) {
        checks.updateFromFile(open, end / BLOCK);
      }
    } catch (IOException e) {
      throw onChangeFailed(e, open, offset, end);
    }
  }

  /** A full disk took some of the change, nobody knows what; anything else stops the object. */
  private Outcome onChangeFailed(IOException e, @Nullable ObjectFile open, long from, long to)
      throws Outcome {
    if (open == null || StoreFailure.code(e) != ErrorCode.NO_SPACE) {
      return stop(e);
    }
    try {
      size = open.size();
      for (long block = from / BLOCK; block * BLOCK < to; block++) {
        sums.forget(block);
      }
    } catch (IOException again) {
      return stop(again);
    }
    return new Outcome(ErrorCode.NO_SPACE, "object " + key + ": " + StoreFailure.text(e));
  }

  /** Cuts or extends the object. */
  public void truncate(long newSize) throws Outcome {
    ObjectFile open = null;
    try {
      open = file();
      if (newSize == size) {
        return;
      }
      boolean cutsBlock = newSize < size && newSize % BLOCK != 0;
      if (cutsBlock) {
        checks.verifyBlock(open, newSize / BLOCK, size);
      }
      changes++;
      open.truncate(newSize);
      boolean shrunk = newSize < size;
      size = newSize;
      if (shrunk) {
        sums.cut(BlockSums.blocks(newSize));
      }
      if (cutsBlock) {
        checks.updateFromFile(open, newSize / BLOCK);
      }
    } catch (IOException e) {
      throw onChangeFailed(e, open, Math.min(size, newSize), Math.min(size, newSize) + 1);
    }
  }

  /**
   * Makes [from, to) zero as far as the object reaches. What is zero already is left alone, so that
   * holes stay holes.
   */
  public void zero(long from, long to) throws Outcome {
    long end = Math.min(to, size);
    ByteBuffer chunk = table.buffers().take(ZERO_CHUNK);
    try {
      ObjectFile open = file();
      long at = from;
      while (at < end) {
        int count = (int) Math.min(end - at, ZERO_CHUNK - at % BLOCK);
        chunk.clear().limit(count);
        open.read(chunk, at);
        chunk.flip();
        if (chunk.mismatch(ZEROS.duplicate().limit(chunk.remaining())) >= 0) {
          write(at, new ByteBuffer[] {ZEROS.duplicate().limit(count)});
        }
        at += count;
      }
    } catch (IOException e) {
      throw stop(e);
    } finally {
      table.buffers().give(chunk);
    }
  }

  /** Writes all bytes as they are read, so that the next sync brings them to the disk. */
  public void rewrite() throws Outcome {
    ByteBuffer chunk = table.buffers().take(ZERO_CHUNK);
    try {
      for (long at = 0; at < size; at += chunk.limit()) {
        chunk.clear().limit((int) Math.min(size - at, ZERO_CHUNK));
        file().read(chunk, at);
        write(at, new ByteBuffer[] {chunk.flip()});
      }
    } catch (IOException e) {
      throw stop(e);
    } finally {
      table.buffers().give(chunk);
    }
  }

  /** The bytes from {@code offset}, fewer at the end of the object; CORRUPT if a block is bad. */
  public Payload read(long offset, int length) throws Outcome {
    checkUsable();
    if (marks.healing()) {
      throw new Outcome(ErrorCode.CORRUPT, "object " + key + " is being repaired");
    }
    if (isDamaged()) {
      table.onCorrupt();
      throw new Outcome(
          ErrorCode.CORRUPT,
          "object "
              + key
              + " has "
              + (exists ? size + " bytes" : "no file")
              + ", its record says "
              + marks.size());
    }
    long end = Math.min(offset + length, size);
    if (offset >= end) {
      return Payload.EMPTY;
    }
    long from = offset - offset % BLOCK;
    int whole = (int) (BlockSums.blocks(end) * BLOCK - from);
    ByteBuffer buffer = table.buffers().take(whole);
    boolean given = false;
    try {
      buffer.limit((int) (Math.min(size, from + whole) - from));
      file().read(buffer, from);
      buffer.flip();
      checks.verify(buffer, from);
      buffer.position((int) (offset - from));
      buffer.limit((int) Math.min(buffer.limit(), end - from));
      given = true;
      return table.buffers().payload(buffer, buffer);
    } catch (IOException e) {
      throw new Outcome(StoreFailure.code(e), "object " + key + ": " + StoreFailure.text(e));
    } finally {
      if (!given) {
        table.buffers().give(buffer);
      }
    }
  }

  /**
   * Looks at the disk again: what somebody did to the file behind our back is found, as long as
   * nothing of our own is under way.
   */
  public void refresh() throws Outcome {
    if (isUnsynced() || admitted > 0 || failure != null) {
      return;
    }
    Path path = table.path(key);
    try {
      boolean there = Files.exists(path);
      long found = there ? Files.size(path) : 0;
      if (there != exists || found != size) {
        closeFile();
        exists = there;
        size = found;
      }
    } catch (IOException e) {
      throw new Outcome(StoreFailure.code(e), "object " + key + ": " + StoreFailure.text(e));
    }
  }

  /**
   * CRC32C of each block, the last one as short as it is, of the file that bears the object's name
   * now, whatever is in memory; nothing if there is none.
   */
  public byte[] hashDisk(long offset, int blocks) throws Outcome {
    try (FileChannel channel = FileChannel.open(table.path(key), StandardOpenOption.READ)) {
      return checks.hash(channel::read, channel.size(), offset, blocks, false);
    } catch (NoSuchFileException e) {
      return new byte[0];
    } catch (IOException e) {
      throw new Outcome(StoreFailure.code(e), "object " + key + ": " + StoreFailure.text(e));
    }
  }

  /** The same of the open file, taking the checksums of blocks for which none is known. */
  public byte[] hashAndLearn(long offset, int blocks) throws Outcome {
    checkUsable();
    if (offset >= size) {
      return new byte[0];
    }
    try {
      return checks.hash(file()::readSome, size, offset, blocks, true);
    } catch (IOException e) {
      throw new Outcome(StoreFailure.code(e), "object " + key + ": " + StoreFailure.text(e));
    }
  }

  // ---- durability

  /** Begins to make durable what was changed so far, perhaps with its times; null if all is. */
  public @Nullable Sync beginSync(boolean times) throws Outcome {
    checkUsable();
    if (!isUnsynced() && !(times && durableTimes < changes)) {
      return null;
    }
    Path directory = table.path(key).getParent();
    if (!exists) {
      return new Sync(null, directory, times, true, changes);
    }
    try {
      return new Sync(file().hold(), directory, times, entryUnsynced, changes);
    } catch (IOException e) {
      throw stop(e);
    }
  }

  /** The sync ended, with {@code problem} or without (null). */
  public void onSynced(Sync sync, @Nullable IOException problem) {
    if (sync.file != null) {
      sync.file.letGo();
    }
    if (problem != null) {
      stop(problem);
      return;
    }
    durableChanges = Math.max(durableChanges, sync.changes);
    if (sync.times) {
      durableTimes = Math.max(durableTimes, sync.changes);
    }
    entryUnsynced &= !sync.entry;
  }

  /** Puts checksums into the batch that clears the last mark. */
  public void flushSums(DbBatch batch) {
    sums.flush(batch);
  }

  /** What is known of the bytes goes with the record that says that they are gone. */
  public void clearSums(DbBatch batch) throws Outcome {
    try {
      sums.cut(0);
      sums.flush(batch);
    } catch (IOException e) {
      throw stop(e);
    }
  }

  /**
   * The file goes; its record says so already, durably. A sync makes sure that it does not come
   * back with the next loss of power.
   */
  public void deleteFile() throws Outcome {
    closeFile();
    try {
      Files.deleteIfExists(table.path(key));
    } catch (IOException e) {
      throw stop(e);
    }
    exists = false;
    size = 0;
    changes++;
    repair.forgetTaken();
  }

  void checkUsable() throws Outcome {
    if (failure != null) {
      throw new Outcome(ErrorCode.IO_ERROR, "object " + key + " stopped: " + failure);
    }
  }

  private ObjectFile file() throws IOException, Outcome {
    checkUsable();
    if (file == null) {
      file = ObjectFile.open(table.path(key));
      if (!exists) {
        exists = true;
        entryUnsynced = true;
        changes++;
      }
      table.onOpened(this);
    } else {
      table.onUsed(this);
    }
    return file;
  }

  void closeFile() {
    if (file != null) {
      file.letGo();
      file = null;
      table.onClosed(this);
    }
  }

  private Outcome stop(IOException e) {
    failure = StoreFailure.text(e);
    repair.onStopped();
    table.onStopped();
    return new Outcome(ErrorCode.IO_ERROR, "object " + key + " stopped: " + failure);
  }
}
