package io.lockstep.metadata.raft;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import io.lockstep.metadata.store.Durable;
import io.lockstep.metadata.store.RocksKvStore;
import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.ratis.server.protocol.TermIndex;
import org.apache.ratis.server.storage.FileInfo;
import org.apache.ratis.server.storage.RaftStorage;
import org.apache.ratis.statemachine.SnapshotInfo;
import org.apache.ratis.statemachine.SnapshotRetentionPolicy;
import org.apache.ratis.statemachine.StateMachineStorage;

/**
 * Guarded by its own lock. The directory {@code state/} of a master, and what Ratis calls its
 * snapshots.
 *
 * <pre>
 * live/                                the store that is read and written
 * checkpoint-[term]-[index]/           complete copies by hard links, 16 hex digits each
 * tmp-.../                             unfinished: removed at the next start
 * </pre>
 */
final class Checkpoints implements StateMachineStorage {
  private static final Pattern NAME = Pattern.compile("checkpoint-([0-9a-f]{16})-([0-9a-f]{16})");

  private record Checkpoint(Path path, TermIndex termIndex) implements SnapshotInfo {
    @Override
    public TermIndex getTermIndex() {
      return termIndex;
    }

    /** Ratis sends no files: a master that is behind pulls them from the leader itself. */
    @Override
    public List<FileInfo> getFiles() {
      return List.of();
    }
  }

  private final Path directory;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock")
  private Checkpoint latest;

  Checkpoints(Path directory) throws IOException {
    this.directory = directory;
    Files.createDirectories(directory);
    for (Path entry : Durable.list(directory)) {
      if (String.valueOf(entry.getFileName()).startsWith("tmp-")) {
        Durable.deleteTree(entry);
      }
    }
    List<Checkpoint> found = scan();
    latest = found.isEmpty() ? null : found.get(found.size() - 1);
  }

  Path live() {
    return directory.resolve("live");
  }

  /**
   * Opens the live store; if there is none, a copy of the newest checkpoint takes its place, or an
   * empty store if there is no checkpoint either.
   */
  RocksKvStore openLive() throws IOException {
    Checkpoint newest = newest();
    if (!Files.exists(live().resolve("CURRENT")) && newest != null) {
      Durable.deleteTree(live());
      Path copy = directory.resolve("tmp-live");
      link(newest.path(), copy);
      Durable.syncTree(copy);
      Durable.rename(copy, live());
    }
    return RocksKvStore.open(live());
  }

  /** Takes a checkpoint of {@code store}, whose state is exactly that after {@code applied}. */
  void take(RocksKvStore store, TermIndex applied) throws IOException {
    Path target = directory.resolve(name(applied));
    if (!Files.exists(target)) {
      Path temporary = directory.resolve("tmp-" + name(applied));
      Durable.deleteTree(temporary);
      store.checkpoint(temporary);
      Durable.rename(temporary, target);
    }
    lock.lock();
    try {
      latest = new Checkpoint(target, applied);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void init(RaftStorage raftStorage) {
    // The directory is ready since construction.
  }

  @Override
  public void format() {
    // A new master's directory is empty.
  }

  @Override
  public SnapshotInfo getLatestSnapshot() {
    return newest();
  }

  @Override
  public void cleanupOldSnapshots(SnapshotRetentionPolicy policy) throws IOException {
    List<Checkpoint> found = scan();
    int keep = Math.max(1, policy.getNumSnapshotsRetained());
    for (int i = 0; i < found.size() - keep; i++) {
      Durable.deleteTree(found.get(i).path());
    }
  }

  private Checkpoint newest() {
    lock.lock();
    try {
      return latest;
    } finally {
      lock.unlock();
    }
  }

  private static String name(TermIndex at) {
    return String.format(Locale.ROOT, "checkpoint-%016x-%016x", at.getTerm(), at.getIndex());
  }

  /** Oldest first: the fixed width makes the order of names that of (term, index). */
  private List<Checkpoint> scan() throws IOException {
    List<Checkpoint> found = new ArrayList<>();
    for (Path entry : Durable.list(directory)) {
      Matcher name = NAME.matcher(String.valueOf(entry.getFileName()));
      if (name.matches()) {
        long term = Long.parseLong(name.group(1), 16);
        long index = Long.parseLong(name.group(2), 16);
        found.add(new Checkpoint(entry, TermIndex.valueOf(term, index)));
      }
    }
    return found;
  }

  /** Tables never change, so they are linked; all else is copied. */
  private static void link(Path from, Path to) throws IOException {
    Files.walkFileTree(
        from,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path each, BasicFileAttributes attributes)
              throws IOException {
            Files.createDirectories(to.resolve(from.relativize(each)));
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path each, BasicFileAttributes attributes)
              throws IOException {
            Path target = to.resolve(from.relativize(each));
            if (String.valueOf(each.getFileName()).endsWith(".sst")) {
              Files.createLink(target, each);
            } else {
              Files.copy(each, target);
            }
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
