package io.lockstep.wire.netty;

import io.lockstep.wire.message.Push;

/** Takes what servers send without being asked. */
public interface PushHandler {
  /** For a process that expects none. */
  PushHandler NONE = (address, push) -> {};

  /** Called on a thread of the transport, which it must not block. */
  void onPush(String address, Push push);
}
