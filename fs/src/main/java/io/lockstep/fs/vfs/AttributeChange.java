package io.lockstep.fs.vfs;

import io.lockstep.wire.message.SetAttributes;
import io.lockstep.wire.message.Timestamp;
import org.jspecify.annotations.Nullable;

/**
 * Confined to the thread that makes it. What chmod, chown, utimens and truncate change, in one: a
 * null is left as it is.
 */
public final class AttributeChange {
  private @Nullable Integer mode;
  private @Nullable Integer uid;
  private @Nullable Integer gid;
  private @Nullable Long size;
  private @Nullable Timestamp atime;
  private @Nullable Timestamp mtime;
  private boolean atimeNow;
  private boolean mtimeNow;

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

  /** Whether it touches what the holder of a file's lease keeps. */
  boolean belongsToHolder() {
    return size != null || atime != null || mtime != null || atimeNow || mtimeNow;
  }

  /** Whether the mode that it sets has setuid or setgid. */
  boolean setsPrivileges() {
    return mode != null && (mode & Permissions.PRIVILEGES) != 0;
  }

  SetAttributes.Builder message(long inode) {
    SetAttributes.Builder set =
        SetAttributes.newBuilder().setInode(inode).setAtimeNow(atimeNow).setMtimeNow(mtimeNow);
    if (mode != null) {
      set.setMode(mode);
    }
    if (uid != null) {
      set.setUid(uid);
    }
    if (gid != null) {
      set.setGid(gid);
    }
    if (size != null) {
      set.setSize(size);
    }
    if (atime != null) {
      set.setAtime(atime);
    }
    if (mtime != null) {
      set.setMtime(mtime);
    }
    return set;
  }
}
