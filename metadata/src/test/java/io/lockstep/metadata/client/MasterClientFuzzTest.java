package io.lockstep.metadata.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.lockstep.core.ErrorCode;
import io.lockstep.core.ManualAgent;
import io.lockstep.core.Outcome;
import io.lockstep.core.Times;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.Replies;
import io.lockstep.wire.message.LinkInode;
import io.lockstep.wire.message.OpenSession;
import io.lockstep.wire.message.RenewSessionReply;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.SessionReply;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/**
 * Seeded: a network that loses, delays and repeats, three masters whose leader moves, and the rule
 * of P11 at the leader. Each mutation is executed at most once, and exactly once if it was
 * answered. {@code -Dseed=} replays one.
 */
class MasterClientFuzzTest {
  private static final long MS = 1_000_000;
  private static final int SEEDS = 100;

  private static final class World implements PeerDirectory {
    final Random random;
    final ManualAgent agent = new ManualAgent();
    final Map<Long, Reply> answered = new HashMap<>();
    final Map<Long, Integer> executed = new HashMap<>();
    long lowWater;
    int leader = 1;
    boolean calm;

    World(long seed) {
      random = new Random(seed);
    }

    @Override
    public Peer peer(String address) {
      return (request, payload, timeoutNs, onReply) -> {
        if (request.getBodyCase() == BodyCase.OPEN_SESSION) {
          // The test's thread blocks on this one.
          onReply.onReply(
              Reply.newBuilder().setSession(SessionReply.newBuilder().setSession(5)).build(),
              Payload.EMPTY);
          return;
        }
        boolean[] done = new boolean[1];
        Peer.ReplyHandler once =
            (reply, body) -> {
              if (!done[0]) {
                done[0] = true;
                onReply.onReply(reply, body);
              }
            };
        agent.schedule(
            timeoutNs, () -> once.onReply(Replies.failure(ErrorCode.TIMED_OUT, ""), Payload.EMPTY));
        int copies = calm ? 1 : random.nextInt(10) == 0 ? 0 : 1 + random.nextInt(2);
        for (int i = 0; i < copies; i++) {
          agent.schedule(delayNs(), () -> serve(address, request, once));
        }
        if (copies == 0 && random.nextBoolean()) {
          once.onReply(Replies.failure(ErrorCode.DISCONNECTED, ""), Payload.EMPTY);
        }
      };
    }

    private long delayNs() {
      // Some arrive long after their sender has given the try up.
      return calm ? MS : random.nextInt(20) == 0 ? 8_000 * MS : random.nextInt(50) * MS;
    }

    private void serve(String address, Request request, Peer.ReplyHandler back) {
      Reply reply =
          address.equals("m" + leader)
              ? lead(request)
              : Reply.newBuilder()
                  .setCode(ErrorCode.NOT_LEADER.number())
                  .setLeader(random.nextBoolean() ? "m" + leader : "")
                  .build();
      if (calm || random.nextInt(10) != 0) {
        agent.schedule(delayNs(), () -> back.onReply(reply, Payload.EMPTY));
      }
    }

    private Reply lead(Request request) {
      if (request.getBodyCase() == BodyCase.RENEW_SESSION) {
        return Reply.newBuilder().setRenewSession(RenewSessionReply.newBuilder()).build();
      }
      long sequence = request.getSequence();
      lowWater = Math.max(lowWater, request.getLowWater());
      answered.keySet().removeIf(old -> old < lowWater);
      if (sequence < lowWater) {
        return Replies.failure(ErrorCode.ANSWERED_BEFORE, "");
      }
      Reply known = answered.get(sequence);
      if (known != null) {
        return known;
      }
      executed.merge(request.getLinkInode().getInode(), 1, Integer::sum);
      answered.put(sequence, Replies.OK);
      return Replies.OK;
    }
  }

  @Test
  void everyMutationIsExecutedOnce() throws Outcome {
    Long only = Long.getLong("seed");
    for (long seed = only == null ? 1 : only; seed <= (only == null ? SEEDS : only); seed++) {
      try {
        run(seed, new Sequences(8_192));
      } catch (RuntimeException | Error e) {
        throw new AssertionError("seed " + seed + ": -Dseed=" + seed + " replays it", e);
      }
    }
  }

  @Test
  void lowWaterAboveAnOpenMutationIsNoticed() {
    // The mutant of P11: a mutation that is tried again is refused as answered before.
    assertThatThrownBy(
            () -> {
              for (long seed = 1; seed <= SEEDS; seed++) {
                run(
                    seed,
                    new Sequences(8_192) {
                      @Override
                      long lowWater() {
                        return super.lowWater() + 1;
                      }
                    });
              }
            })
        .isInstanceOf(AssertionError.class);
  }

  private static void run(long seed, Sequences sequences) throws Outcome {
    World world = new World(seed);
    MasterClient client =
        new MasterClient(
            List.of("m1", "m2", "m3"),
            world,
            world.agent,
            Times.DEFAULT,
            new Random(seed),
            sequences);
    client.openSession(OpenSession.getDefaultInstance(), MS);
    Map<Long, ErrorCode> outcomes = new HashMap<>();
    for (long id = 1; id <= 200; id++) {
      long name = id;
      client.call(
          Request.newBuilder().setLinkInode(LinkInode.newBuilder().setInode(name)).build(),
          (1 + world.random.nextInt(20_000)) * MS,
          (reply, payload) -> {
            assertThat(outcomes.put(name, Replies.code(reply))).isNull();
          });
      world.agent.advance(world.random.nextInt(200));
      if (world.random.nextInt(20) == 0) {
        world.leader = 1 + world.random.nextInt(3);
      }
    }
    world.agent.advance(30_000);
    assertThat(outcomes).hasSize(200);
    outcomes.forEach(
        (name, code) -> {
          int times = world.executed.getOrDefault(name, 0);
          assertThat(times).isLessThanOrEqualTo(1);
          assertThat(code).isIn(ErrorCode.OK, ErrorCode.TIMED_OUT);
          assertThat(code == ErrorCode.OK && times == 0).isFalse();
        });
    assertThat(outcomes.values()).contains(ErrorCode.OK);
  }
}
