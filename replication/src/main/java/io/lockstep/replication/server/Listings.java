package io.lockstep.replication.server;

import io.lockstep.core.Outcome;
import io.lockstep.replication.heal.Found;
import io.lockstep.replication.marks.ObjectMarks;
import io.lockstep.replication.store.ObjectKey;
import io.lockstep.replication.store.ReplicaDb;
import io.lockstep.replication.store.ReplicaDirectory;
import io.lockstep.wire.message.ListMarksReply;
import io.lockstep.wire.message.ObjectState;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;

/** Immutable. Pages of objects, read from the database on an I/O thread. */
final class Listings {
  private static final int ENTRIES_MAX = 1024;

  /** Rows that one page looks at, so that a page of few hits ends too. */
  private static final int ROWS_MAX = 65_536;

  private final ReplicaDb db;
  private final ReplicaDirectory directories;

  Listings(ReplicaDb db, ReplicaDirectory directories) {
    this.db = db;
    this.directories = directories;
  }

  /** Dirty, half repaired, or with a pending mark for that member if it is not 0. */
  ListMarksReply marked(long set, long cursor, int forMember, int entriesMax)
      throws IOException, Outcome {
    Predicate<ObjectMarks> wanted =
        marks -> !marks.isSettled() || (forMember != 0 && marks.hasPendingFor(forMember));
    return page(set, cursor, true, entriesMax, wanted);
  }

  /** All objects and tombstones. */
  ListMarksReply all(long set, long cursor, int entriesMax) throws IOException, Outcome {
    return page(set, cursor, false, entriesMax, marks -> true);
  }

  private ListMarksReply page(
      long set, long cursor, boolean markedOnly, int entriesMax, Predicate<ObjectMarks> wanted)
      throws IOException, Outcome {
    ListMarksReply.Builder reply = ListMarksReply.newBuilder();
    int max = entriesMax <= 0 ? ENTRIES_MAX : Math.min(entriesMax, ENTRIES_MAX);
    boolean[] more = new boolean[1];
    List<ObjectKey> keys = new ArrayList<>();
    List<ObjectMarks> found = new ArrayList<>();
    db.scan(
        set,
        cursor,
        markedOnly,
        (key, marks) -> {
          if (!wanted.test(marks)) {
            return true;
          }
          if (keys.size() >= max) {
            more[0] = true;
            return false;
          }
          keys.add(key);
          found.add(marks);
          return true;
        });
    for (int i = 0; i < keys.size(); i++) {
      reply.addObjects(state(keys.get(i), found.get(i)));
    }
    return reply.setEnd(!more[0]).build();
  }

  private ObjectState state(ObjectKey key, ObjectMarks marks) {
    Path file = directories.object(key);
    boolean exists = Files.exists(file);
    long size = marks.size();
    try {
      size = exists ? Files.size(file) : 0;
    } catch (IOException e) {
      exists = false;
    }
    return Replica.state(key.inode(), marks, exists, size).build();
  }

  /** One page of local objects that a heal of this replica has to repair. */
  record OwnPage(List<Found> objects, boolean end) {}

  OwnPage own(long set, long cursor) throws IOException, Outcome {
    List<Found> found = new ArrayList<>();
    boolean[] more = new boolean[1];
    int[] rows = new int[1];
    db.scan(
        set,
        cursor,
        true,
        (key, marks) -> {
          rows[0]++;
          if (found.size() >= ENTRIES_MAX || (rows[0] > ROWS_MAX && !found.isEmpty())) {
            more[0] = true;
            return false;
          }
          if (!marks.isSettled()) {
            found.add(new Found(key.inode(), 0, marks.dirty()));
          }
          return true;
        });
    return new OwnPage(found, !more[0]);
  }
}
