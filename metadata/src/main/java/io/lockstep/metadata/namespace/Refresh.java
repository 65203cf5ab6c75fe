package io.lockstep.metadata.namespace;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Limits;
import io.lockstep.core.Token;
import io.lockstep.wire.Convert;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Attributes;
import io.lockstep.wire.message.RefreshInodes;
import io.lockstep.wire.message.RefreshInodes.Update;
import io.lockstep.wire.message.Reply;

/** Immutable. Holders of exclusive leases tell size and times of what they wrote. */
final class Refresh {
  private Refresh() {}

  /** All updates, or none if one is malformed. Late ones and those of inodes gone are skipped. */
  static Reply refresh(Change change, RefreshInodes asked) {
    for (Update update : asked.getUpdatesList()) {
      if (!isValid(update)) {
        return Answers.refused(
            ErrorCode.BAD_REQUEST,
            "inode " + update.getInode() + " with size " + update.getSize() + " or a bad time");
      }
    }
    for (Update update : asked.getUpdatesList()) {
      Inode inode = change.inode(update.getInode());
      Token token = Convert.token(update.getToken());
      if (inode != null && inode.isRegular() && !token.isOlderThan(inode.sizeToken())) {
        take(inode, update);
      }
    }
    return Replies.OK;
  }

  private static boolean isValid(Update update) {
    return update.getSize() >= 0
        && update.getSize() <= Limits.FILE_BYTES_MAX
        && Timestamps.isValid(update.getAtime())
        && Timestamps.isValid(update.getMtime())
        && Timestamps.isValid(update.getCtime());
  }

  private static void take(Inode inode, Update update) {
    Attributes.Builder attributes =
        inode
            .change()
            .setSizeToken(update.getToken())
            .setSize(update.getSize())
            .setAllocated(update.getAllocated());
    if (update.hasMtime()) {
      attributes.setMtime(Timestamps.inRange(update.getMtime()));
    }
    if (update.hasAtime()) {
      attributes.setAtime(Timestamps.inRange(update.getAtime()));
    }
    if (update.hasCtime()) {
      attributes.setCtime(Timestamps.inRange(update.getCtime()));
    }
    if (update.getClearSetuid()) {
      inode.clearSetuid();
    }
  }
}
