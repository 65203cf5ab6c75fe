package io.lockstep.wire.netty;

import com.google.protobuf.MessageLite;
import com.google.protobuf.Parser;
import io.lockstep.wire.message.Hello;
import io.lockstep.wire.message.HelloProof;
import io.lockstep.wire.message.HelloReply;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;

/** Immutable. What the header of a frame is; the number is what travels. */
enum FrameType {
  /** Client to server, first. */
  HELLO(1, Hello.parser()),
  /** Server to client: challenge and proof, and once more as the verdict. */
  HELLO_REPLY(2, HelloReply.parser()),
  /** Client to server: answers the challenge. */
  HELLO_PROOF(3, HelloProof.parser()),
  /** Client to server. */
  REQUEST(4, Request.parser()),
  /** Server to client: answers one request. */
  REPLY(5, Reply.parser()),
  /** Server to client: not answered. */
  PUSH(6, Push.parser());

  private static final FrameType[] BY_NUMBER = new FrameType[values().length + 1];

  static {
    for (FrameType type : values()) {
      BY_NUMBER[type.number] = type;
    }
  }

  private final int number;
  private final Parser<? extends MessageLite> parser;

  FrameType(int number, Parser<? extends MessageLite> parser) {
    this.number = number;
    this.parser = parser;
  }

  int number() {
    return number;
  }

  Parser<? extends MessageLite> parser() {
    return parser;
  }

  /** The type with this number, or null. */
  static FrameType ofNumber(int number) {
    return number > 0 && number < BY_NUMBER.length ? BY_NUMBER[number] : null;
  }
}
