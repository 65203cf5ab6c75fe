package io.lockstep.fs.vfs;

import io.lockstep.wire.message.Timestamp;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the thread that makes it. What chmod, chown, utimens and truncate change, in one: a
 * null is left as it is.
 */
public final class AttributeChange {
  @Nullable Integer mode;
  @Nullable Integer uid;
  @Nullable Integer gid;
  @Nullable Long size;
  @Nullable Timestamp atime;
  @Nullable Timestamp mtime;
  boolean atimeNow;
  boolean mtimeNow;

  public AttributeChange mode(int value) {
    mode = value;
    return this;
  }

  public AttributeChange uid(int value) {
    uid = value;
    return this;
  }

  public AttributeChange gid(int value) {
    gid = value;
    return this;
  }

  public AttributeChange size(long value) {
    size = value;
    return this;
  }

  public AttributeChange atime(Timestamp value) {
    atime = value;
    return this;
  }

  public AttributeChange mtime(Timestamp value) {
    mtime = value;
    return this;
  }

  public AttributeChange atimeNow() {
    atimeNow = true;
    return this;
  }

  public AttributeChange mtimeNow() {
    mtimeNow = true;
    return this;
  }

  boolean changesTimes() {
    return atime != null || mtime != null || atimeNow || mtimeNow;
  }

  /** Whether anything but the size changes. */
  boolean changesMore() {
    return changesTimes() || mode != null || uid != null || gid != null;
  }
}
