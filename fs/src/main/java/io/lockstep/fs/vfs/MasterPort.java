package io.lockstep.fs.vfs;

import io.lockstep.core.Outcome;
import io.lockstep.metadata.client.MasterClient;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;

/**
 * The port to the metadata master. Calls block; any thread may call. A code other than OK is thrown
 * as an {@link Outcome}.
 */
public interface MasterPort {
  /** The port to a real master. */
  static MasterPort over(MasterClient client) {
    return new MasterPort() {
      @Override
      public Reply ask(Request request, long timeoutNs) throws Outcome {
        return client.ask(request, timeoutNs);
      }

      @Override
      public Reply askAny(Request request, long timeoutNs) throws Outcome {
        return client.askAny(request, timeoutNs);
      }

      @Override
      public Reply mutate(Request.Builder request, long timeoutNs) throws Outcome {
        return client.mutate(request, timeoutNs);
      }
    };
  }

  /** A query, or a message that may be executed twice. */
  Reply ask(Request request, long timeoutNs) throws Outcome;

  /** Like {@link #ask}, but a refusal is returned with what it carries. */
  default Reply askAny(Request request, long timeoutNs) throws Outcome {
    try {
      return ask(request, timeoutNs);
    } catch (Outcome e) {
      return Replies.failure(e.code(), e.getMessage());
    }
  }

  /** A mutation, executed once however often it is sent (P11). */
  Reply mutate(Request.Builder request, long timeoutNs) throws Outcome;
}
