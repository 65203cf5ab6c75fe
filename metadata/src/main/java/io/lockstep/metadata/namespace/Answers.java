package io.lockstep.metadata.namespace;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.AttributesReply;
import io.lockstep.wire.message.Reply;

/** Immutable. The replies that several operations give. */
final class Answers {
  private Answers() {}

  /** A refusal that needs no words beyond its errno. */
  static Reply refused(ErrorCode code) {
    return Reply.newBuilder().setCode(code.number()).build();
  }

  static Reply refused(ErrorCode code, String message) {
    return Replies.failure(code, message);
  }

  static Reply attributes(Inode inode) {
    return Reply.newBuilder()
        .setAttributes(AttributesReply.newBuilder().setAttributes(inode.attributes()))
        .build();
  }

  /** OK for a directory; else why names cannot be looked up in it. Null = no such inode. */
  static ErrorCode directory(Inode inode) {
    if (inode == null) {
      return ErrorCode.NOT_FOUND;
    }
    return inode.isDirectory() ? ErrorCode.OK : ErrorCode.NOT_DIRECTORY;
  }
}
