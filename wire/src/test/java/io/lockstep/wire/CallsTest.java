package io.lockstep.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.Outcome;
import io.lockstep.wire.Peer.ReplyHandler;
import io.lockstep.wire.message.Request;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Waiting for replies: codes become outcomes, and no payload is lost whatever happens. */
class CallsTest {
  private static final Request ASK = Request.getDefaultInstance();
  private final CountedPayload answer = new CountedPayload();
  private final List<ReplyHandler> kept = new ArrayList<>();

  private Peer answering(ErrorCode code) {
    return new LocalPeer(
        (request, payload, responder) -> {
          payload.release();
          responder.reply(code.isOk() ? Replies.OK : Replies.failure(code, "no"), answer);
        });
  }

  @Test
  void anAnswerWithPayloadIsTheCallers() throws Exception {
    Calls.Answer result = Calls.await(answering(ErrorCode.OK), ASK, Payload.EMPTY, 1_000);
    assertThat(answer.references()).isEqualTo(1);
    result.payload().release();
    assertThat(Replies.isOk(Calls.await(answering(ErrorCode.OK), ASK, 1_000))).isTrue();
  }

  @Test
  void anUnwantedPayloadIsReleased() throws Exception {
    Calls.await(answering(ErrorCode.OK), ASK, 1_000);
    assertThat(answer.references()).isZero();
  }

  @Test
  void anyOtherCodeIsThrownAndThePayloadReleased() {
    assertThatThrownBy(() -> Calls.await(answering(ErrorCode.NO_SPACE), ASK, Payload.EMPTY, 1_000))
        .isInstanceOf(Outcome.class)
        .hasMessage("no")
        .extracting(e -> ((Outcome) e).code())
        .isEqualTo(ErrorCode.NO_SPACE);
    assertThat(answer.references()).isZero();
  }

  @Test
  void anInterruptedCallerGetsAnErrorAndStaysInterrupted() {
    Peer silent = (request, payload, timeoutNs, onReply) -> kept.add(onReply);
    Thread.currentThread().interrupt();
    assertThatThrownBy(() -> Calls.await(silent, ASK, 60_000_000_000L))
        .isInstanceOf(Outcome.class)
        .hasMessageContaining("interrupted");
    assertThat(Thread.interrupted()).isTrue();
    kept.get(0).onReply(Replies.OK, answer);
    assertThat(answer.references()).as("late payload").isZero();
  }

  @Test
  void aPeerThatBreaksItsContractIsGivenUp() {
    Peer silent = (request, payload, timeoutNs, onReply) -> kept.add(onReply);
    assertThatThrownBy(() -> Calls.await(silent, ASK, 1_000_000))
        .extracting(e -> ((Outcome) e).code())
        .isEqualTo(ErrorCode.TIMED_OUT);
    kept.get(0).onReply(Replies.OK, answer);
    assertThat(answer.references()).isZero();
  }

  @Test
  void aFutureCompletesWithAnyCode() throws Exception {
    assertThat(Replies.code(Calls.async(answering(ErrorCode.BUSY), ASK, 1_000).get()))
        .isEqualTo(ErrorCode.BUSY);
    assertThat(answer.references()).isZero();
  }
}
