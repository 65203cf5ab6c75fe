package io.lockstep.replication.store;

import io.lockstep.core.Limits;
import io.lockstep.core.Outcome;
import io.lockstep.replication.marks.ObjectMarks;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.concurrent.atomic.LongAdder;

/**
 * Confined to one disk agent. The objects of that agent that are in memory, and the bounded number
 * of files that are open. The least recently used go first; what is not settled stays in memory,
 * but its file may be closed: the kernel keeps its pages, and a write-back error that nobody has
 * seen is still reported to the sync that comes.
 */
public final class ObjectTable {
  private static final int OBJECTS_MAX = 8192;

  /** The last of those that were forgotten: more than can be late while one heal looks at them. */
  private static final int FORGOTTEN_MAX = 8192;

  /** Objects that one eviction looks at: the work of one request stays bounded. */
  private static final int EVICT_LOOKS_MAX = 64;

  /** Groups of checksums in memory, about 1.2 KiB each. */
  private static final int SUM_GROUPS_MAX = 16_384;

  /** Guarded by its adders. What the tables of a daemon count. */
  public static final class Counters {
    public final LongAdder corruptBlocks = new LongAdder();
    public final LongAdder stoppedObjects = new LongAdder();
    public final LongAdder openFiles = new LongAdder();
    public final LongAdder takenRanges = new LongAdder();
  }

  private final ReplicaDb db;
  private final ReplicaDirectory directories;
  private final BufferPool buffers;
  private final int filesMax;
  private final Counters counters;
  private final ByteBuffer blockBuffer = ByteBuffer.allocateDirect(Limits.BLOCK_BYTES);
  private final LinkedHashMap<ObjectKey, StoredObject> objects =
      new LinkedHashMap<>(256, 0.75f, true);
  private final LinkedHashSet<StoredObject> open = new LinkedHashSet<>();
  private final LinkedHashSet<ObjectKey> forgotten = new LinkedHashSet<>();
  private int sumGroups;

  public ObjectTable(
      ReplicaDb db,
      ReplicaDirectory directories,
      BufferPool buffers,
      int filesMax,
      Counters counters) {
    this.db = db;
    this.directories = directories;
    this.buffers = buffers;
    this.filesMax = filesMax;
    this.counters = counters;
  }

  /** The object, whether it was ever written or not. One that was forgotten stays dead (P15). */
  public StoredObject object(ObjectKey key) throws IOException, Outcome {
    StoredObject object = objects.get(key);
    if (object == null) {
      ObjectMarks marks = forgotten.contains(key) ? ObjectMarks.DEAD : db.marks(key);
      object = new StoredObject(this, key, marks, directories.object(key));
      objects.put(key, object);
      evict();
    }
    return object;
  }

  /** Drops what is in memory of a set's objects: its replica is gone. */
  public void forgetSet(long set) {
    List<StoredObject> gone = objects.values().stream().filter(o -> o.key().set() == set).toList();
    for (StoredObject object : gone) {
      object.drop();
      objects.remove(object.key());
    }
  }

  /**
   * Drops one object, whose record is gone. What is late and speaks of it, a heal that has listed a
   * mark before or a pre-op, finds it dead as before, and gives it no new record that nobody would
   * ever remove.
   */
  public void forget(ObjectKey key) {
    StoredObject object = objects.remove(key);
    if (object != null) {
      object.drop();
    }
    forgotten.add(key);
    if (forgotten.size() > FORGOTTEN_MAX) {
      Iterator<ObjectKey> oldest = forgotten.iterator();
      oldest.next();
      oldest.remove();
    }
  }

  public void closeAll() {
    for (StoredObject object : new ArrayList<>(open)) {
      object.closeFile();
    }
  }

  /** Ranges taken from clients that are kept in the whole daemon. */
  public long takenRanges() {
    return counters.takenRanges.sum();
  }

  private void evict() {
    int over = objects.size() - OBJECTS_MAX;
    if (over <= 0) {
      return;
    }
    List<ObjectKey> busy = new ArrayList<>();
    Iterator<StoredObject> oldest = objects.values().iterator();
    for (int looked = 0; over > 0 && looked < EVICT_LOOKS_MAX && oldest.hasNext(); looked++) {
      StoredObject object = oldest.next();
      if (isIdle(object)) {
        object.closeFile();
        object.trimSums();
        oldest.remove();
        over--;
      } else {
        busy.add(object.key());
      }
    }
    // What is busy is looked at again after all others, so that it cannot hide idle ones.
    busy.forEach(objects::get);
  }

  private static boolean isIdle(StoredObject object) {
    // What a tombstone still has to sync is the same when it is read again.
    return object.marks().isSettled()
        && (!object.isUnsynced() || object.marks().tombstone())
        && !object.hasAdmitted()
        && object.failure() == null
        && !object.repair().hasTaken();
  }

  /** What clients changed under another configuration means nothing under this one. */
  public void forgetTaken(long set, long epoch) {
    for (StoredObject object : objects.values()) {
      if (object.key().set() == set) {
        object.repair().forgetTaken(epoch);
      }
    }
  }

  void onOpened(StoredObject object) {
    open.add(object);
    counters.openFiles.increment();
    while (open.size() > filesMax) {
      open.iterator().next().closeFile();
    }
  }

  void onUsed(StoredObject object) {
    open.remove(object);
    open.add(object);
  }

  void onClosed(StoredObject object) {
    open.remove(object);
    counters.openFiles.decrement();
  }

  void onStopped() {
    counters.stoppedObjects.increment();
  }

  void onGroups(int more) {
    sumGroups += more;
    if (sumGroups > SUM_GROUPS_MAX) {
      // All at once, and seldom: they are read again where they are needed.
      objects.values().forEach(StoredObject::trimSums);
    }
  }

  void onCorrupt() {
    counters.corruptBlocks.increment();
  }

  void countTaken(int more) {
    counters.takenRanges.add(more);
  }

  ReplicaDb db() {
    return db;
  }

  BufferPool buffers() {
    return buffers;
  }

  ByteBuffer blockBuffer() {
    return blockBuffer;
  }

  Path path(ObjectKey key) {
    return directories.object(key);
  }
}
