package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.metadata.kv.KvReader;
import io.lockstep.wire.message.Caller;
import io.lockstep.wire.message.GetXattr;
import io.lockstep.wire.message.GetXattrReply;
import io.lockstep.wire.message.ListXattr;
import io.lockstep.wire.message.ListXattrReply;
import io.lockstep.wire.message.RemoveXattr;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.SetXattr;

/**
 * Immutable. Extended attributes: {@code user.} on files and directories, {@code trusted.} and
 * {@code security.} on everything. ACLs ({@code system.}) are not supported.
 */
final class Xattrs {
  /** Names and values of one inode together: more than ext4 has, and still one small batch. */
  static final int XATTR_BYTES_MAX = 1 << 20;

  private static final ByteString USER = ByteString.copyFromUtf8("user.");
  private static final ByteString TRUSTED = ByteString.copyFromUtf8("trusted.");
  private static final ByteString SECURITY = ByteString.copyFromUtf8("security.");

  private Xattrs() {}

  static Reply get(KvReader state, GetXattr asked) {
    Inode inode = new Rows(state).inode(asked.getInode());
    ErrorCode code = inode == null ? ErrorCode.NOT_FOUND : checkName(asked.getName());
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    byte[] value = state.get(KeyLayout.xattr(inode.id(), asked.getName()));
    if (value == null) {
      return Answers.refused(ErrorCode.NO_ATTRIBUTE);
    }
    return Reply.newBuilder()
        .setGetXattr(GetXattrReply.newBuilder().setValue(ByteString.copyFrom(value)))
        .build();
  }

  static Reply list(KvReader state, ListXattr asked) {
    if (new Rows(state).inode(asked.getInode()) == null) {
      return Answers.refused(ErrorCode.NOT_FOUND);
    }
    ListXattrReply.Builder reply = ListXattrReply.newBuilder();
    byte[] prefix = KeyLayout.xattrs(asked.getInode());
    state.scan(
        prefix,
        KeyLayout.endOf(prefix),
        (key, value) -> {
          reply.addNames(KeyLayout.nameIn(key));
          return true;
        });
    return Reply.newBuilder().setListXattr(reply).build();
  }

  static Reply set(Change change, SetXattr asked) {
    ByteString name = asked.getName();
    Inode inode = change.inode(asked.getInode());
    ErrorCode code = inode == null ? ErrorCode.NOT_FOUND : checkName(name);
    if (code.isOk() && asked.getValue().size() > Limits.XATTR_VALUE_BYTES_MAX) {
      code = ErrorCode.ARGUMENTS_TOO_LONG;
    }
    if (code.isOk()) {
      code = checkMayChange(inode, name, asked.getCaller());
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    byte[] old = change.transaction().get(KeyLayout.xattr(inode.id(), name));
    int moreNameBytes = old == null ? name.size() + 1 : 0;
    int moreBytes = moreNameBytes + asked.getValue().size() - (old == null ? 0 : old.length);
    if (old != null && asked.getCreate()) {
      code = ErrorCode.EXISTS;
    } else if (old == null && asked.getReplace()) {
      code = ErrorCode.NO_ATTRIBUTE;
    } else if (inode.xattrNameBytes() + moreNameBytes > Limits.XATTR_LIST_BYTES_MAX
        || inode.xattrBytes() + moreBytes > XATTR_BYTES_MAX) {
      code = ErrorCode.NO_SPACE;
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    byte[] key = KeyLayout.xattr(inode.id(), name);
    change.transaction().put(key, asked.getValue().toByteArray());
    inode.addXattrBytes(moreNameBytes, moreBytes);
    inode.changedAt(change.now());
    return Answers.attributes(inode);
  }

  static Reply remove(Change change, RemoveXattr asked) {
    ByteString name = asked.getName();
    Inode inode = change.inode(asked.getInode());
    ErrorCode code = inode == null ? ErrorCode.NOT_FOUND : checkName(name);
    if (code.isOk()) {
      code = checkMayChange(inode, name, asked.getCaller());
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    byte[] key = KeyLayout.xattr(inode.id(), name);
    byte[] old = change.transaction().get(key);
    if (old == null) {
      return Answers.refused(ErrorCode.NO_ATTRIBUTE);
    }
    change.transaction().delete(key);
    inode.addXattrBytes(-name.size() - 1, -name.size() - 1 - old.length);
    inode.changedAt(change.now());
    return Answers.attributes(inode);
  }

  private static ErrorCode checkName(ByteString name) {
    if (name.isEmpty() || name.size() > Limits.XATTR_NAME_BYTES_MAX) {
      return ErrorCode.OUT_OF_RANGE;
    }
    if (Names.contains(name, '\0')) {
      return ErrorCode.BAD_REQUEST;
    }
    for (ByteString prefix : new ByteString[] {USER, TRUSTED, SECURITY}) {
      if (name.startsWith(prefix)) {
        return name.size() > prefix.size() ? ErrorCode.OK : ErrorCode.INVALID_ARGUMENT;
      }
    }
    return ErrorCode.NOT_SUPPORTED;
  }

  private static ErrorCode checkMayChange(Inode inode, ByteString name, Caller caller) {
    if (!name.startsWith(USER)) {
      return Rights.isRoot(caller) ? ErrorCode.OK : ErrorCode.NOT_PERMITTED;
    }
    boolean sticky = inode.isDirectory() && (inode.mode() & Inode.STICKY) != 0;
    boolean carriesUser = inode.isRegular() || inode.isDirectory();
    boolean allowed = carriesUser && (!sticky || Rights.isOwner(caller, inode));
    return allowed ? ErrorCode.OK : ErrorCode.NOT_PERMITTED;
  }
}
