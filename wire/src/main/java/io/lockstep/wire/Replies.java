package io.lockstep.wire;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Reply;

/** Immutable. Makes and reads the plain parts of replies. */
public final class Replies {
  public static final Reply OK = Reply.getDefaultInstance();

  private Replies() {}

  public static Reply failure(ErrorCode code, String message) {
    return Reply.newBuilder()
        .setCode(code.number())
        .setMessage(message == null ? "" : message)
        .build();
  }

  public static ErrorCode code(Reply reply) {
    return ErrorCode.ofNumber(reply.getCode());
  }

  public static boolean isOk(Reply reply) {
    return reply.getCode() == 0;
  }

  /** The reply itself if it is OK. */
  public static Reply orThrow(Reply reply) throws Outcome {
    if (!isOk(reply)) {
      throw new Outcome(code(reply), reply.getMessage());
    }
    return reply;
  }
}
