package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.RemoveEntry;
import io.lockstep.wire.message.RemoveEntryReply;
import io.lockstep.wire.message.Reply;

/** Immutable. unlink(2) and rmdir(2). */
final class Removal {
  private Removal() {}

  static Reply remove(Change change, RemoveEntry asked) {
    Inode parent = change.inode(asked.getParent());
    ErrorCode code = checkName(parent, asked.getName(), asked.getDirectory());
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    Dentry dentry = change.dentry(parent, asked.getName());
    Inode inode = dentry == null ? null : change.inode(dentry.inode());
    code = checkInode(inode, asked.getDirectory());
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    change.removeEntry(parent, dentry);
    change.dropLink(inode);
    return Reply.newBuilder()
        .setRemoveEntry(RemoveEntryReply.newBuilder().setAttributes(inode.attributes()))
        .build();
  }

  private static ErrorCode checkName(Inode parent, ByteString name, boolean directory) {
    ErrorCode code = Answers.directory(parent);
    if (!code.isOk()) {
      return code;
    }
    if (Names.isSpecial(name)) {
      return special(name, directory);
    }
    return Names.check(name);
  }

  private static ErrorCode special(ByteString name, boolean directory) {
    if (!directory) {
      return ErrorCode.IS_DIRECTORY;
    }
    return name.equals(Names.SELF) ? ErrorCode.INVALID_ARGUMENT : ErrorCode.NOT_EMPTY;
  }

  private static ErrorCode checkInode(Inode inode, boolean directory) {
    if (inode == null) {
      return ErrorCode.NOT_FOUND;
    }
    if (inode.isDirectory() != directory) {
      return directory ? ErrorCode.NOT_DIRECTORY : ErrorCode.IS_DIRECTORY;
    }
    return inode.entries() > 0 ? ErrorCode.NOT_EMPTY : ErrorCode.OK;
  }
}
