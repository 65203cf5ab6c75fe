package io.lockstep.fs.vfs;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.DirectoryEntry;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.ReadDirectoryReply;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. Directories that are open for listing, by handle. The cursor of an entry is where the
 * listing goes on behind it, for as long as others change the directory: 0 is the start, 1 and 2
 * are behind "." and "..", above that is the master's own cursor.
 */
public final class Directories {
  private static final int ENTRIES_MAX = 512;
  private static final ByteString SELF = ByteString.copyFromUtf8(".");
  private static final ByteString PARENT = ByteString.copyFromUtf8("..");
  private static final long BEHIND_DOTS = 2;

  /** Takes the entries of a directory one by one. */
  public interface Sink {
    /**
     * One entry.
     *
     * @param next the cursor behind it
     * @param attributes of the entry if they were asked for and are known, else the default
     *     instance
     * @return false if it did not fit: it is not taken, and no more is given
     */
    boolean onEntry(ByteString name, long inode, FileType type, long next, Attributes attributes);
  }

  /** What one message brought: the entries behind {@code start}, a cursor of the master. */
  private record Page(
      long start,
      List<DirectoryEntry> entries,
      boolean end,
      long parent,
      NameCache.@Nullable Listing listing) {
    /** The index of the entry behind {@code cursor}, or -1 if this page does not know. */
    int indexBehind(long cursor) {
      if (cursor == start) {
        return 0;
      }
      for (int i = 0; i < entries.size(); i++) {
        if (entries.get(i).getCursor() == cursor) {
          return i + 1 < entries.size() || end ? i + 1 : -1;
        }
      }
      return -1;
    }
  }

  /** The page is replaced as a whole: two listings at the same time only cost messages. */
  private static final class OpenDirectory {
    private final long inode;
    private volatile Page page;

    OpenDirectory(long inode) {
      this.inode = inode;
    }
  }

  private final Lookups lookups;
  private final Contents contents;
  private final long root;
  private final HandleTable<OpenDirectory> handles;

  Directories(Lookups lookups, Contents contents, VfsOptions options) {
    this.lookups = lookups;
    this.contents = contents;
    this.root = options.root();
    this.handles = new HandleTable<>(options.handlesMax());
  }

  public long open(long inode) throws Outcome {
    handles.reserve();
    return handles.add(new OpenDirectory(inode));
  }

  public void release(long handle) throws Outcome {
    handles.remove(handle);
  }

  /** Gives the entries behind {@code cursor} to the sink until it is full or none is left. */
  public void read(long handle, long cursor, boolean withAttributes, Sink sink) throws Outcome {
    OpenDirectory directory = handles.get(handle);
    if (cursor < 0) {
      throw new Outcome(ErrorCode.INVALID_ARGUMENT, "cursor " + cursor);
    }
    // From the start means afresh: what was fetched before may be old.
    Page page = cursor == 0 ? fetch(directory, 0, null) : directory.page;
    if (page == null) {
      page = fetch(directory, 0, null);
    }
    if (!dots(directory, page, cursor, sink)) {
      return;
    }
    long at = Math.max(0, cursor - BEHIND_DOTS);
    while (true) {
      int index = page.indexBehind(at);
      if (index < 0) {
        page = fetch(directory, at, page);
        index = 0;
      }
      for (; index < page.entries.size(); index++) {
        DirectoryEntry entry = page.entries.get(index);
        if (!offer(entry, withAttributes, sink)) {
          return;
        }
        at = entry.getCursor();
      }
      if (page.end) {
        return;
      }
    }
  }

  private boolean dots(OpenDirectory directory, Page page, long cursor, Sink sink) {
    Attributes none = Attributes.getDefaultInstance();
    if (cursor < 1 && !sink.onEntry(SELF, directory.inode, FileType.DIRECTORY, 1, none)) {
      return false;
    }
    long parent = directory.inode == root ? root : page.parent;
    return cursor >= BEHIND_DOTS
        || sink.onEntry(PARENT, parent, FileType.DIRECTORY, BEHIND_DOTS, none);
  }

  private boolean offer(DirectoryEntry entry, boolean withAttributes, Sink sink) {
    Attributes attributes =
        withAttributes && entry.hasAttributes()
            ? contents.overlay(entry.getAttributes())
            : Attributes.getDefaultInstance();
    return sink.onEntry(
        entry.getName(),
        entry.getInode(),
        entry.getType(),
        entry.getCursor() + BEHIND_DOTS,
        attributes);
  }

  /**
   * @param before the page that ends at {@code cursor}, if that is known
   */
  private Page fetch(OpenDirectory directory, long cursor, @Nullable Page before) throws Outcome {
    NameCache.Listing soFar = before != null && isEndOf(before, cursor) ? before.listing : null;
    Lookups.Page fetched = lookups.list(directory.inode, cursor, ENTRIES_MAX, soFar);
    ReadDirectoryReply reply = fetched.entries();
    boolean end = reply.getEnd() || reply.getEntriesCount() == 0;
    Page page = new Page(cursor, reply.getEntriesList(), end, reply.getParent(), fetched.listing());
    directory.page = page;
    return page;
  }

  private static boolean isEndOf(Page page, long cursor) {
    int count = page.entries.size();
    return count > 0 && page.entries.get(count - 1).getCursor() == cursor;
  }
}
