package io.lockstep.wire;

import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import java.util.EnumMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;

/** Immutable once built. Gives each request to the handler of its kind. */
public final class RequestRouter implements RequestHandler {
  private final Map<BodyCase, RequestHandler> handlers;

  private RequestRouter(Map<BodyCase, RequestHandler> handlers) {
    this.handlers = handlers;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Confined to its caller. */
  public static final class Builder {
    private final Map<BodyCase, RequestHandler> handlers = new EnumMap<>(BodyCase.class);

    private Builder() {}

    /** {@code handler} serves these kinds; no other may. */
    public Builder route(RequestHandler handler, Set<BodyCase> kinds) {
      for (BodyCase kind : kinds) {
        Check.that(handlers.put(kind, handler) == null, "two handlers serve %s", kind);
      }
      return this;
    }

    public RequestRouter build() {
      return new RequestRouter(new EnumMap<>(handlers));
    }
  }

  @Override
  public void onRequest(Request request, Payload payload, Responder responder) {
    RequestHandler handler = handlers.get(request.getBodyCase());
    if (handler == null) {
      payload.release();
      responder.fail(
          ErrorCode.BAD_REQUEST,
          "this process does not serve requests of kind " + request.getBodyCase());
      return;
    }
    handler.onRequest(request, payload, responder);
  }

  @Override
  public void onDisconnected(PeerIdentity peer) {
    new LinkedHashSet<>(handlers.values()).forEach(handler -> handler.onDisconnected(peer));
  }
}
