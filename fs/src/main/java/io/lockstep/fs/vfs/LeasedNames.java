package io.lockstep.fs.vfs;

import com.google.protobuf.ByteString;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.ReleaseNames;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the lock of its {@link NameCache}. What is known under directory leases: entries,
 * absent names, attributes. The directory that was used last is let go last.
 *
 * <p>A file is noted below the one directory that covers it, and has an entry there, so that it
 * goes when the directory does.
 */
final class LeasedNames {
  static final class Directory {
    final long inode;
    long lease;

    /** Every entry is known: a name that is not among them does not exist. */
    boolean complete;

    @Nullable Attributes own;
    private final Map<ByteString, Long> entries = new HashMap<>();

    private Directory(long inode) {
      this.inode = inode;
    }
  }

  /** A file below a directory; its attributes are null when they have to be asked anew. */
  private static final class FileNote {
    final Directory directory;
    @Nullable Attributes attributes;

    FileNote(Directory directory) {
      this.directory = directory;
    }
  }

  /** In place of an inode: there is no such name. */
  static final long ABSENT = 0;

  private final int entriesMax;
  private final LinkedHashMap<Long, Directory> directories = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<Long, FileNote> files = new HashMap<>();

  /** Leases that were recalled or let go, and that an open question may still bring. */
  private final Map<Long, Long> recalled = new HashMap<>();

  private List<ReleaseNames.Item> released = new ArrayList<>();
  private int entries;

  /**
   * @param entriesMax names and directories kept
   */
  LeasedNames(int entriesMax) {
    this.entriesMax = entriesMax;
  }

  int entries() {
    return entries;
  }

  @Nullable Directory directory(long inode) {
    return directories.get(inode);
  }

  boolean isLive(Directory directory) {
    return directories.get(directory.inode) == directory;
  }

  /** The directory that the inode is, or that covers it. */
  @Nullable Directory covering(long inode) {
    FileNote file = files.get(inode);
    return file == null ? directories.get(inode) : file.directory;
  }

  /** The inode of a name, {@link #ABSENT}, or null if it is not known. */
  @Nullable Long entry(Directory directory, ByteString name) {
    Long inode = directory.entries.get(name);
    return inode == null && directory.complete ? Long.valueOf(ABSENT) : inode;
  }

  @Nullable Attributes attributes(long inode) {
    Directory directory = directories.get(inode);
    if (directory != null) {
      return directory.own;
    }
    FileNote file = files.get(inode);
    return file == null ? null : file.attributes;
  }

  /** The directory under this lease or a newer one. */
  Directory lease(long inode, long lease) {
    Directory directory = directories.get(inode);
    if (directory == null) {
      directory = new Directory(inode);
      directories.put(inode, directory);
      entries++;
    }
    directory.lease = Math.max(directory.lease, lease);
    return directory;
  }

  /** Nothing happens if the directory is live no more, as after too many entries. */
  void put(Directory directory, ByteString name, long inode) {
    if (!isLive(directory)) {
      return;
    }
    Long before = directory.entries.put(name, inode);
    if (before == null) {
      entries++;
      while (entries > entriesMax && !directories.isEmpty()) {
        letGo(directories.values().iterator().next());
      }
    } else if (before != inode) {
      forgetFile(directory, before);
    }
  }

  /**
   * A file below the directory, which has an entry of it.
   *
   * @param covered whether its attributes may be kept
   */
  void note(Directory directory, Attributes attributes, boolean covered) {
    if (attributes.getNlink() != 1 || !isLive(directory)) {
      files.remove(attributes.getInode());
      return;
    }
    FileNote file = files.get(attributes.getInode());
    if (file == null || file.directory != directory) {
      file = new FileNote(directory);
      files.put(attributes.getInode(), file);
    }
    file.attributes = covered ? attributes : null;
  }

  /** The attributes of the inode are unknown. */
  void forgetAttributes(long inode) {
    Directory directory = directories.get(inode);
    if (directory != null) {
      directory.own = null;
    }
    FileNote file = files.get(inode);
    if (file != null) {
      file.attributes = null;
    }
  }

  /** Keeps the lease of a directory and forgets what is in it; forgets a file. */
  void forget(long inode) {
    Directory directory = directories.get(inode);
    if (directory != null) {
      drop(directory);
      lease(inode, directory.lease);
    }
    files.remove(inode);
  }

  void drop(Directory directory) {
    directories.remove(directory.inode);
    directory.entries.values().forEach(inode -> forgetFile(directory, inode));
    entries -= 1 + directory.entries.size();
    directory.entries.clear();
    directory.complete = false;
    directory.own = null;
  }

  /** Drops a directory whose lease is to be released. */
  void letGo(Directory directory) {
    drop(directory);
    recalled.merge(directory.inode, directory.lease, Math::max);
    released.add(
        ReleaseNames.Item.newBuilder()
            .setDirectory(directory.inode)
            .setLease(directory.lease)
            .build());
  }

  private void forgetFile(Directory directory, long inode) {
    FileNote file = files.get(inode);
    if (file != null && file.directory == directory) {
      files.remove(inode);
    }
  }

  /** The lease and all before it are to go. */
  void recall(long inode, long lease) {
    recalled.merge(inode, lease, Math::max);
    Directory directory = directories.get(inode);
    if (directory != null && directory.lease <= lease) {
      drop(directory);
    }
  }

  /** The newest lease on this directory that is not ours any more; 0 if none is remembered. */
  long recalled(long inode) {
    return recalled.getOrDefault(inode, 0L);
  }

  int recalledCount() {
    return recalled.size();
  }

  /** Nothing is on its way that could bring one of them. */
  void forgetRecalled() {
    recalled.clear();
  }

  /** What was let go; taken once. */
  List<ReleaseNames.Item> takeReleased() {
    if (released.isEmpty()) {
      return List.of();
    }
    List<ReleaseNames.Item> taken = released;
    released = new ArrayList<>();
    return taken;
  }

  void clear() {
    directories.clear();
    files.clear();
    released.clear();
    recalled.clear();
    entries = 0;
  }
}
