package io.lockstep.wire.netty;

/** Immutable. A peer broke the rules of frames or of the handshake: its connection is closed. */
public final class BadFrame extends Exception {
  private static final long serialVersionUID = 1;

  BadFrame(String message) {
    super(message, null, false, false);
  }
}
