package io.lockstep.fs.vfs;

import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;

/**
 * The port to the metadata master. Calls block; any thread may call. A code other than OK is thrown
 * as an {@link Outcome}.
 */
public interface MasterPort {
  /** A query, or a message that may be executed twice. */
  Reply ask(Request request, long timeoutNs) throws Outcome;

  /** A mutation, executed once however often it is sent (P11). */
  Reply mutate(Request.Builder request, long timeoutNs) throws Outcome;
}
