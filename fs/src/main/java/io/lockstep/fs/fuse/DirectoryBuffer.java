package io.lockstep.fs.fuse;

import com.google.protobuf.ByteString;
import io.lockstep.fs.vfs.Directories;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import java.nio.ByteBuffer;

/**
 * Confined to one FUSE thread. Entries of a directory as the kernel takes them.
 *
 * <pre>
 *   struct fuse_dirent: inode 8 | offset behind it 8 | name length 4 | type 4 | name | pad to 8
 * </pre>
 */
final class DirectoryBuffer implements Directories.Sink {
  private static final int HEADER_BYTES = 24;
  private static final int TYPE_SHIFT = 12;

  private final ByteBuffer buffer;

  /** Entries go to {@code buffer} in its order of bytes, from its position up to its limit. */
  DirectoryBuffer(ByteBuffer buffer) {
    this.buffer = buffer;
  }

  @Override
  public boolean onEntry(
      ByteString name, long inode, FileType type, long next, Attributes attributes) {
    int padded = (HEADER_BYTES + name.size() + 7) & ~7;
    if (buffer.remaining() < padded) {
      return false;
    }
    int end = buffer.position() + padded;
    buffer.putLong(inode).putLong(next).putInt(name.size());
    buffer.putInt(StatLayout.typeBits(type) >> TYPE_SHIFT);
    name.copyTo(buffer);
    while (buffer.position() < end) {
      buffer.put((byte) 0);
    }
    return true;
  }

  int sizeBytes() {
    return buffer.position();
  }
}
