package io.lockstep.wire.netty;

import com.google.protobuf.MessageLite;
import io.lockstep.wire.Payload;

/**
 * Immutable. A frame that arrived whole.
 *
 * @param message of the class that {@code type} names
 * @param payload owned by whoever is handed the frame
 */
record InboundFrame(FrameType type, MessageLite message, Payload payload) {}
