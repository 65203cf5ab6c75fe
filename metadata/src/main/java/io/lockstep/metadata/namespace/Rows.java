package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.metadata.kv.KvReader;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Confined to one query or mutation. Reads the rows of {@link KeyLayout}. */
final class Rows {
  /** A path longer than this is given from its end; also ends the walk up a broken tree. */
  private static final int PATH_BYTES_SHOWN_MAX = 64 << 10;

  private static final long FIRST_INODE = 1;
  private static final ByteString SLASH = ByteString.copyFromUtf8("/");

  /** A name of an inode: the directory that has it, and the name. */
  record Link(long directory, ByteString name) {}

  private final KvReader state;

  Rows(KvReader state) {
    this.state = state;
  }

  /** The inode, or null. */
  Inode inode(long id) {
    byte[] value = state.get(KeyLayout.inode(id));
    return value == null ? null : Inode.decode(value);
  }

  /** The entry, or null. */
  Dentry dentry(long directory, ByteString name) {
    byte[] value = state.get(KeyLayout.name(directory, name));
    return value == null ? null : Dentry.ofName(name, value);
  }

  /** The first name of the inode, or null if it has none: a root or an orphan. */
  Link firstLink(long inode) {
    Link[] found = {null};
    byte[] prefix = KeyLayout.links(inode);
    state.scan(
        prefix,
        KeyLayout.endOf(prefix),
        (key, value) -> {
          long directory = KeyLayout.number(key, KeyLayout.SECOND_ID);
          found[0] = new Link(directory, KeyLayout.nameInLink(key));
          return false;
        });
    return found[0];
  }

  /** The directories that have a name of this inode. */
  List<Long> parents(long inode) {
    List<Long> found = new ArrayList<>();
    byte[] prefix = KeyLayout.links(inode);
    state.scan(
        prefix,
        KeyLayout.endOf(prefix),
        (key, value) -> found.add(KeyLayout.number(key, KeyLayout.SECOND_ID)));
    return found;
  }

  /** The directory that holds this directory; itself for a root. */
  long parent(long directory) {
    Link link = firstLink(directory);
    return link == null ? directory : link.directory();
  }

  /** Whether {@code candidate} is {@code directory} or above it. */
  boolean isAtOrAbove(long candidate, long directory) {
    long here = directory;
    while (here != candidate) {
      long above = parent(here);
      if (above == here) {
        return false;
      }
      here = above;
    }
    return true;
  }

  /** One path of the inode from the root of its volume; empty for an orphan. */
  ByteString path(Inode inode) {
    if (inode.isVolumeRoot()) {
      return SLASH;
    }
    List<ByteString> parts = new ArrayList<>();
    int bytes = 0;
    Link link = firstLink(inode.id());
    while (link != null && bytes < PATH_BYTES_SHOWN_MAX) {
      parts.add(link.name());
      parts.add(SLASH);
      bytes += link.name().size() + 1;
      link = firstLink(link.directory());
    }
    Collections.reverse(parts);
    return ByteString.copyFrom(parts);
  }

  Usage usage(long volume) {
    byte[] value = state.get(KeyLayout.usage(volume));
    if (value == null) {
      return Usage.NONE;
    }
    ByteBuffer row = ByteBuffer.wrap(value);
    return new Usage(row.getLong(), row.getLong());
  }

  /** The id that the next inode gets. */
  long nextInode() {
    byte[] value = state.get(KeyLayout.counter());
    return value == null ? FIRST_INODE : KeyLayout.number(value, 0);
  }
}
