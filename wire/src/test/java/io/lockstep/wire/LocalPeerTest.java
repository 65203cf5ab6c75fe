package io.lockstep.wire;

import static org.assertj.core.api.Assertions.assertThat;

import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** A peer in the same process keeps the contract of one behind a network. */
class LocalPeerTest {
  private final List<Reply> replies = new ArrayList<>();

  @Test
  void theHandlerGetsTheTimeoutAndTheReplyComesBack() {
    List<Request> requests = new ArrayList<>();
    LocalPeer peer =
        new LocalPeer(
            (request, payload, responder) -> {
              requests.add(request);
              assertThat(responder.peer().role()).isEqualTo("local");
              responder.fail(ErrorCode.BUSY, "full");
            });
    peer.call(
        Request.newBuilder().setSession(3).build(),
        1_500_000_000L,
        (reply, payload) -> replies.add(reply));
    assertThat(requests.get(0).getTimeoutMs()).isEqualTo(1500);
    assertThat(requests.get(0).getSession()).isEqualTo(3);
    assertThat(Replies.code(replies.get(0))).isEqualTo(ErrorCode.BUSY);
  }

  @Test
  void onlyTheFirstAnswerCountsAndThePayloadOfALaterOneIsReleased() {
    CountedPayload first = new CountedPayload();
    CountedPayload second = new CountedPayload();
    LocalPeer peer =
        new LocalPeer(
            (request, payload, responder) -> {
              responder.reply(Replies.OK, first);
              responder.reply(Replies.OK, second);
            });
    peer.call(
        Request.getDefaultInstance(),
        1,
        (reply, payload) -> {
          replies.add(reply);
          payload.release();
        });
    assertThat(replies).hasSize(1);
    assertThat(first.references()).isZero();
    assertThat(second.references()).isZero();
  }
}
