package io.lockstep.simulation;

import com.google.protobuf.InvalidProtocolBufferException;
import io.lockstep.core.Check;
import io.lockstep.core.ErrorCode;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Push;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import java.util.HashMap;
import java.util.Map;
import java.util.Random;
import java.util.function.Consumer;

/**
 * Confined to the thread of the test. A network in memory: every message is encoded and decoded,
 * and may be late, lost or delivered twice. A server sees a duplicated request as a second request;
 * a caller sees one answer.
 */
final class SimNetwork {
  /**
   * How bad it is.
   *
   * @param loss chance that a message vanishes
   * @param duplication chance that it arrives twice
   * @param delayMaxNs each takes a random time up to this, so that they overtake each other
   */
  record Weather(double loss, double duplication, long delayMaxNs) {
    static final Weather FINE = new Weather(0, 0, 200_000);
  }

  private final Random random;
  private final Map<String, Server> servers = new HashMap<>();
  private Weather weather = Weather.FINE;
  private long sent;
  private long lost;
  private long duplicated;

  private record Server(VirtualTime.Host host, RequestHandler handler) {}

  SimNetwork(Random random) {
    this.random = random;
  }

  void weather(Weather newWeather) {
    weather = newWeather;
  }

  long sent() {
    return sent;
  }

  long lost() {
    return lost;
  }

  long duplicated() {
    return duplicated;
  }

  /**
   * From now on {@code handler} serves {@code address}; replaces what a crashed process served
   * there.
   */
  void serve(String address, VirtualTime.Host host, RequestHandler handler) {
    servers.put(address, new Server(host, handler));
  }

  /** How {@code from} reaches {@code address}; {@code onPush} takes what is pushed back. */
  Peer peer(VirtualTime.Host from, String address, long session, Consumer<Push> onPush) {
    return (request, payload, timeoutNs, onReply) ->
        new Call(from, address, session, onPush, onReply).start(request, payload, timeoutNs);
  }

  /** One call: ends with the first answer or with its timer. */
  private final class Call {
    private final VirtualTime.Host from;
    private final String address;
    private final long session;
    private final Consumer<Push> onPush;
    private Peer.ReplyHandler onReply;

    Call(
        VirtualTime.Host from,
        String address,
        long session,
        Consumer<Push> onPush,
        Peer.ReplyHandler onReply) {
      this.from = from;
      this.address = address;
      this.session = session;
      this.onPush = onPush;
      this.onReply = onReply;
    }

    void start(Request request, Payload payload, long timeoutNs) {
      byte[] header =
          request.toBuilder().setTimeoutMs((int) (timeoutNs / 1_000_000)).build().toByteArray();
      byte[] bytes = payload.toByteArray();
      payload.release();
      from.schedule(
          timeoutNs,
          () ->
              end(Replies.failure(ErrorCode.TIMED_OUT, "no answer from " + address), new byte[0]));
      Server server = servers.get(address);
      if (server == null || !server.host.isUp()) {
        from.schedule(
            delay(),
            () -> end(Replies.failure(ErrorCode.DISCONNECTED, address + " is down"), new byte[0]));
        return;
      }
      deliver(server.host, () -> serve(server, header, bytes));
    }

    private void serve(Server server, byte[] header, byte[] bytes) {
      server.handler.onRequest(
          parseRequest(header),
          Payload.of(bytes),
          new Responder() {
            @Override
            public void reply(Reply reply, Payload payload) {
              byte[] replyHeader = reply.toByteArray();
              byte[] replyBytes = payload.toByteArray();
              payload.release();
              deliver(from, () -> end(parseReply(replyHeader), replyBytes));
            }

            @Override
            public PeerIdentity peer() {
              return new PeerIdentity(
                  "client", from.name, session, 1, null, 0, push -> Call.this.push(push));
            }
          });
    }

    private boolean push(Push push) {
      deliver(from, () -> onPush.accept(push));
      return true;
    }

    private void end(Reply reply, byte[] bytes) {
      if (onReply != null) {
        Peer.ReplyHandler handler = onReply;
        onReply = null;
        handler.onReply(reply, Payload.of(bytes));
      }
    }
  }

  private void deliver(VirtualTime.Host to, Runnable arrival) {
    sent++;
    if (random.nextDouble() < weather.loss) {
      lost++;
      return;
    }
    to.schedule(delay(), arrival);
    if (random.nextDouble() < weather.duplication) {
      duplicated++;
      to.schedule(delay(), arrival);
    }
  }

  private long delay() {
    return 1_000 + (long) (random.nextDouble() * weather.delayMaxNs);
  }

  private static Request parseRequest(byte[] bytes) {
    try {
      return Request.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw Check.unreachable("a request that we encoded does not decode: %s", e);
    }
  }

  private static Reply parseReply(byte[] bytes) {
    try {
      return Reply.parseFrom(bytes);
    } catch (InvalidProtocolBufferException e) {
      throw Check.unreachable("a reply that we encoded does not decode: %s", e);
    }
  }
}
