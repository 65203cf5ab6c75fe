package io.lockstep.metadata.namespace;

import com.google.protobuf.ByteString;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.RenameEntry;
import io.lockstep.wire.message.RenameEntryReply;
import io.lockstep.wire.message.Reply;

/**
 * Confined to one mutation. rename(2) and renameat2(2), with the checks in the order of Linux.
 *
 * <p>{@code source} is what is renamed, {@code target} what has the new name now, if anything.
 */
final class Renaming {
  private final Change change;
  private final RenameEntry asked;
  private Inode oldParent;
  private Inode newParent;
  private Dentry oldDentry;
  private Dentry newDentry;
  private Inode source;
  private Inode target;

  Renaming(Change change, RenameEntry asked) {
    this.change = change;
    this.asked = asked;
  }

  Reply rename() {
    ErrorCode code = checkParents();
    if (code.isOk()) {
      code = findSource();
    }
    if (code.isOk()) {
      code = findTarget();
    }
    if (code.isOk()) {
      code = checkTree();
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    if (target == source) {
      // Two names of one inode: POSIX says that nothing happens, and that this is success.
      return answer(null);
    }
    code = asked.getExchange() ? ErrorCode.OK : checkReplace();
    // A name that is replaced keeps its position, and so does one that stays in its directory.
    long position = code.isOk() ? positionOfNewName() : 0;
    if (code.isOk() && position == 0) {
      code = ErrorCode.NO_SPACE;
    }
    if (!code.isOk()) {
      return Answers.refused(code);
    }
    if (asked.getExchange()) {
      exchange();
    } else {
      move(position);
    }
    return answer(target);
  }

  private ErrorCode checkParents() {
    if (asked.getNoReplace() && asked.getExchange()) {
      return ErrorCode.INVALID_ARGUMENT;
    }
    oldParent = change.inode(asked.getParent());
    newParent = change.inode(asked.getNewParent());
    ErrorCode code = Answers.directory(oldParent);
    if (code.isOk()) {
      code = Answers.directory(newParent);
    }
    if (!code.isOk()) {
      return code;
    }
    return oldParent.volume() == newParent.volume() ? ErrorCode.OK : ErrorCode.CROSS_DEVICE;
  }

  private ErrorCode findSource() {
    if (Names.isSpecial(asked.getName())) {
      return ErrorCode.RESOURCE_BUSY;
    }
    if (Names.isSpecial(asked.getNewName())) {
      return asked.getNoReplace() ? ErrorCode.EXISTS : ErrorCode.RESOURCE_BUSY;
    }
    ErrorCode code = Names.check(asked.getName());
    if (!code.isOk()) {
      return code;
    }
    oldDentry = change.dentry(oldParent, asked.getName());
    if (oldDentry == null) {
      return ErrorCode.NOT_FOUND;
    }
    source = change.inode(oldDentry.inode());
    return ErrorCode.OK;
  }

  private ErrorCode findTarget() {
    ErrorCode code = Names.check(asked.getNewName());
    if (!code.isOk()) {
      return code;
    }
    newDentry = change.dentry(newParent, asked.getNewName());
    if (newDentry == null) {
      return asked.getExchange() ? ErrorCode.NOT_FOUND : ErrorCode.OK;
    }
    target = change.inode(newDentry.inode());
    return asked.getNoReplace() ? ErrorCode.EXISTS : ErrorCode.OK;
  }

  /** A directory never goes below itself, and what is above the source is never replaced. */
  private ErrorCode checkTree() {
    if (oldParent == newParent) {
      return ErrorCode.OK;
    }
    Rows rows = change.rows();
    if (source.isDirectory() && rows.isAtOrAbove(source.id(), newParent.id())) {
      return ErrorCode.INVALID_ARGUMENT;
    }
    if (target != null && target.isDirectory() && rows.isAtOrAbove(target.id(), oldParent.id())) {
      return asked.getExchange() ? ErrorCode.INVALID_ARGUMENT : ErrorCode.NOT_EMPTY;
    }
    return ErrorCode.OK;
  }

  private ErrorCode checkReplace() {
    if (target == null) {
      return newParent.isDead() ? ErrorCode.NOT_FOUND : ErrorCode.OK;
    }
    if (source.isDirectory() != target.isDirectory()) {
      return source.isDirectory() ? ErrorCode.NOT_DIRECTORY : ErrorCode.IS_DIRECTORY;
    }
    return target.entries() > 0 ? ErrorCode.NOT_EMPTY : ErrorCode.OK;
  }

  private long positionOfNewName() {
    if (newDentry != null) {
      return newDentry.position();
    }
    return oldParent == newParent ? oldDentry.position() : newParent.nextPosition();
  }

  private void move(long position) {
    change.removeEntry(oldParent, oldDentry);
    if (newDentry != null) {
      change.removeEntry(newParent, newDentry);
      change.dropLink(target);
    }
    change.addEntry(newParent, asked.getNewName(), source, position);
    source.changedAt(change.now());
  }

  private void exchange() {
    ByteString oldName = asked.getName();
    ByteString newName = asked.getNewName();
    change.removeEntry(oldParent, oldDentry);
    change.removeEntry(newParent, newDentry);
    change.addEntry(oldParent, oldName, target, oldDentry.position());
    change.addEntry(newParent, newName, source, newDentry.position());
    source.changedAt(change.now());
    target.changedAt(change.now());
  }

  private Reply answer(Inode replaced) {
    RenameEntryReply.Builder reply = RenameEntryReply.newBuilder().setMoved(source.attributes());
    if (replaced != null) {
      reply.setReplaced(replaced.attributes());
    }
    return Reply.newBuilder().setRenameEntry(reply).build();
  }
}
