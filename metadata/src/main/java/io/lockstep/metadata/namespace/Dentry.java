package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.Check;
import io.lockstep.wire.message.FileType;
import java.nio.ByteBuffer;

/**
 * Immutable. One name in a directory, as its two rows hold it (see {@link KeyLayout}).
 *
 * @param position where it stands in a listing
 */
record Dentry(ByteString name, long inode, FileType type, long position) {
  private static final int NUMBERS_BYTES = Long.BYTES + 1;

  boolean isDirectory() {
    return type == FileType.DIRECTORY;
  }

  byte[] nameValue() {
    return ByteBuffer.allocate(NUMBERS_BYTES + Long.BYTES)
        .putLong(inode)
        .put((byte) type.getNumber())
        .putLong(position)
        .array();
  }

  byte[] positionValue() {
    ByteBuffer value = ByteBuffer.allocate(NUMBERS_BYTES + name.size());
    value.putLong(inode).put((byte) type.getNumber());
    name.copyTo(value);
    return value.array();
  }

  static Dentry ofName(ByteString name, byte[] value) {
    Check.that(value.length == 17, "name row of %d bytes", value.length);
    ByteBuffer row = ByteBuffer.wrap(value);
    return new Dentry(name, row.getLong(), FileType.forNumber(row.get()), row.getLong());
  }

  static Dentry ofPosition(byte[] key, byte[] value) {
    Check.that(value.length > NUMBERS_BYTES, "position row of %d bytes", value.length);
    ByteBuffer row = ByteBuffer.wrap(value);
    long inode = row.getLong();
    FileType type = FileType.forNumber(row.get());
    ByteString name = ByteString.copyFrom(value, NUMBERS_BYTES, value.length - NUMBERS_BYTES);
    return new Dentry(name, inode, type, KeyLayout.number(key, KeyLayout.SECOND_ID));
  }
}
