package io.lockstep.replication.server;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.List;
import java.util.function.Consumer;

/**
 * Confined to the control agent. The way to the leading master: the one that answered last, the one
 * that it names, or the next of the list.
 */
final class MasterLink {
  private static final int HOPS_MAX = 3;

  private final DaemonContext context;
  private final List<String> addresses;
  private String current;
  private int next;

  MasterLink(DaemonContext context) {
    this.context = context;
    this.addresses = context.options().masters();
    this.current = addresses.get(0);
  }

  /** Asks once, following NOT_LEADER; the answer comes on the control agent. */
  void ask(Request request, Consumer<Reply> onReply) {
    ask(request, HOPS_MAX, onReply);
  }

  private void ask(Request request, int hops, Consumer<Reply> onReply) {
    String asked = current;
    context
        .peers()
        .peer(asked)
        .call(
            request,
            context.options().callTimeoutNs(),
            (reply, payload) -> {
              payload.release();
              context.toControl(() -> onAnswer(request, asked, hops, reply, onReply));
            });
  }

  private void onAnswer(
      Request request, String asked, int hops, Reply reply, Consumer<Reply> onReply) {
    ErrorCode code = Replies.code(reply);
    boolean elsewhere =
        code == ErrorCode.NOT_LEADER
            || code == ErrorCode.TIMED_OUT
            || code == ErrorCode.DISCONNECTED;
    if (!elsewhere) {
      onReply.accept(reply);
      return;
    }
    boolean named = code == ErrorCode.NOT_LEADER && !reply.getLeader().isEmpty();
    if (asked.equals(current)) {
      current = named ? reply.getLeader() : following();
    }
    if (hops > 0 && !current.equals(asked)) {
      ask(request, hops - 1, onReply);
    } else {
      onReply.accept(reply);
    }
  }

  private String following() {
    next = (next + 1) % addresses.size();
    return addresses.get(next);
  }
}
