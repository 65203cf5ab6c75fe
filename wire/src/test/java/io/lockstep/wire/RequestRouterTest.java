package io.lockstep.wire;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.GetAttributes;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.Walk;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Each kind of request has one handler. */
class RequestRouterTest {
  private final List<String> trace = new ArrayList<>();

  private final class Named implements RequestHandler {
    private final String name;

    Named(String name) {
      this.name = name;
    }

    @Override
    public void onRequest(Request request, Payload payload, Responder responder) {
      trace.add(name + " " + request.getBodyCase());
      payload.release();
      responder.ok();
    }

    @Override
    public void onDisconnected(PeerIdentity peer) {
      trace.add(name + " disconnected");
    }
  }

  private final RequestRouter router =
      RequestRouter.builder()
          .route(new Named("a"), Set.of(BodyCase.WALK, BodyCase.READ_LINK))
          .route(new Named("b"), Set.of(BodyCase.ACQUIRE_LEASE))
          .build();

  private Reply ask(Request request, Payload payload) {
    List<Reply> replies = new ArrayList<>();
    new LocalPeer(router).call(request, payload, 1_000_000, (reply, p) -> replies.add(reply));
    assertThat(replies).hasSize(1);
    return replies.get(0);
  }

  @Test
  void aRequestGoesToTheHandlerOfItsKind() {
    Request walk = Request.newBuilder().setWalk(Walk.getDefaultInstance()).build();
    assertThat(Replies.isOk(ask(walk, Payload.EMPTY))).isTrue();
    assertThat(trace).containsExactly("a WALK");
  }

  @Test
  void aKindThatNobodyServesIsABadRequestAndItsPayloadIsReleased() {
    CountedPayload payload = new CountedPayload();
    Request request =
        Request.newBuilder().setGetAttributes(GetAttributes.getDefaultInstance()).build();
    Reply reply = ask(request, payload);
    assertThat(Replies.code(reply)).isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(reply.getMessage()).contains("GET_ATTRIBUTES");
    assertThat(Replies.code(ask(Request.getDefaultInstance(), Payload.EMPTY)))
        .isEqualTo(ErrorCode.BAD_REQUEST);
    assertThat(payload.references()).isZero();
    assertThat(trace).isEmpty();
  }

  @Test
  void eachHandlerHearsOnceOfADisconnect() {
    router.onDisconnected(new PeerIdentity("client", "x", 1, 1, null, 0, push -> false));
    assertThat(trace).containsExactlyInAnyOrder("a disconnected", "b disconnected");
  }

  @Test
  void twoHandlersForOneKindAreABug() {
    RequestRouter.Builder builder =
        RequestRouter.builder().route(new Named("a"), Set.of(BodyCase.WALK));
    assertThatThrownBy(() -> builder.route(new Named("b"), Set.of(BodyCase.WALK)))
        .isInstanceOf(Check.BrokenInvariant.class)
        .hasMessageContaining("WALK");
  }
}
