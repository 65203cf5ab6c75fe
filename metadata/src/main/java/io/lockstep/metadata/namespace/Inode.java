package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import com.google.protobuf.InvalidProtocolBufferException;
import io.lockstep.core.Check;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.FileType;
import io.lockstep.wire.message.InodeRecord;
import io.lockstep.wire.message.Timestamp;

/** Confined to one query or {@link Change}. An inode record, read or in the making. */
final class Inode {
  static final int SETUID = 04000;
  static final int SETGID = 02000;
  static final int STICKY = 01000;
  static final int GROUP_EXECUTE = 010;
  static final int MODE_MASK = 07777;

  private final InodeRecord.Builder record;
  private final Attributes.Builder attributes;
  private boolean changed;

  Inode(InodeRecord.Builder record) {
    this.record = record;
    this.attributes = record.getAttributesBuilder();
  }

  static Inode decode(byte[] value) {
    try {
      InodeRecord record = InodeRecord.parseFrom(value);
      Check.that(
          record.getFormat() == KeyLayout.FORMAT, "inode record of format %d", record.getFormat());
      return new Inode(record.toBuilder());
    } catch (InvalidProtocolBufferException e) {
      throw Check.unreachable("inode record does not parse: %s", e.getMessage());
    }
  }

  byte[] encode() {
    return record.build().toByteArray();
  }

  Attributes attributes() {
    return attributes.build();
  }

  long id() {
    return attributes.getInode();
  }

  long volume() {
    return attributes.getVolume();
  }

  long set() {
    return attributes.getSet();
  }

  FileType type() {
    return attributes.getType();
  }

  boolean isDirectory() {
    return type() == FileType.DIRECTORY;
  }

  boolean isRegular() {
    return type() == FileType.REGULAR;
  }

  boolean isVolumeRoot() {
    return record.getVolumeRoot();
  }

  /** Without a name: it lives only as long as somebody has it open. */
  boolean isDead() {
    return attributes.getNlink() == 0;
  }

  int mode() {
    return attributes.getMode();
  }

  int uid() {
    return attributes.getUid();
  }

  int gid() {
    return attributes.getGid();
  }

  int nlink() {
    return attributes.getNlink();
  }

  long size() {
    return attributes.getSize();
  }

  Token sizeToken() {
    return Convert.token(attributes.getSizeToken());
  }

  ByteString symlinkTarget() {
    return record.getSymlinkTarget();
  }

  long entries() {
    return record.getEntries();
  }

  long lastPosition() {
    return record.getLastPosition();
  }

  int xattrNameBytes() {
    return record.getXattrNameBytes();
  }

  int xattrBytes() {
    return record.getXattrBytes();
  }

  /** Bytes that count for the usage of the volume. */
  long usageBytes() {
    return isRegular() ? size() : 0;
  }

  boolean isChanged() {
    return changed;
  }

  /** For changes that have no method of their own; the record is saved. */
  Attributes.Builder change() {
    changed = true;
    return attributes;
  }

  void changedAt(Timestamp now) {
    change().setCtime(now);
  }

  void modifiedAt(Timestamp now) {
    change().setMtime(now).setCtime(now);
  }

  void becomeVolumeRoot() {
    changed = true;
    record.setVolumeRoot(true);
  }

  void setSymlinkTarget(ByteString target) {
    record.setSymlinkTarget(target);
    change().setSize(target.size());
  }

  void setNlink(int nlink) {
    Check.that(nlink >= 0, "inode %d would have %d links", id(), nlink);
    change().setNlink(nlink);
  }

  void addEntries(int count) {
    long entries = record.getEntries() + count;
    Check.that(entries >= 0, "directory %d would have %d entries", id(), entries);
    changed = true;
    record.setEntries(entries);
  }

  /** The next position of a new entry, or 0 if all were used. */
  long nextPosition() {
    long last = record.getLastPosition();
    long next = last == 0 ? KeyLayout.POSITION_END - 1 : last - 1;
    if (next > 0) {
      changed = true;
      record.setLastPosition(next);
    }
    return next;
  }

  void addXattrBytes(int nameBytes, int bytes) {
    changed = true;
    record
        .setXattrNameBytes(record.getXattrNameBytes() + nameBytes)
        .setXattrBytes(record.getXattrBytes() + bytes);
  }

  /**
   * What a write, a truncate or a chown takes away: setuid, and setgid of what the group executes.
   */
  void clearSetuid() {
    int cleared = withoutSetuid(mode());
    if (cleared != mode()) {
      change().setMode(cleared);
    }
  }

  static int withoutSetuid(int mode) {
    int cleared = mode & ~SETUID;
    return (cleared & GROUP_EXECUTE) != 0 ? cleared & ~SETGID : cleared;
  }
}
