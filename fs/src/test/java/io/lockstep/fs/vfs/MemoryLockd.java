package io.lockstep.fs.vfs;

import io.lockstep.core.AgentThread;
import io.lockstep.core.SystemClock;
import io.lockstep.core.Times;
import io.lockstep.lockd.client.FileLocks;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.wire.LocalPeer;
import io.lockstep.wire.Payload;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerIdentity;
import io.lockstep.wire.Replies;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.message.StartLockdReply;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Its agent's. A lockd in memory with a master that agrees to everything, and the locks of one
 * mount at it.
 */
final class MemoryLockd implements AutoCloseable {
  private static final long SESSION = 3;

  /** The session of a test need not be renewed. */
  private static final Times LONG =
      new Times(
          TimeUnit.SECONDS.toNanos(4),
          TimeUnit.SECONDS.toNanos(1),
          TimeUnit.DAYS.toNanos(1),
          TimeUnit.SECONDS.toNanos(1),
          TimeUnit.SECONDS.toNanos(30));

  private final AgentThread agent =
      new AgentThread(
              "memory-lockd",
              SystemClock.INSTANCE,
              10_000,
              (name, failure) -> failure.printStackTrace())
          .start();
  private final LockdServer lockd =
      new LockdServer(
          new LocalPeer((request, payload, responder) -> responder.reply(agree(request))),
          set -> 1,
          agent,
          LONG);
  private final FileLocks locks = new FileLocks(client(), agent, LONG);

  MemoryLockd() {
    lockd.start();
    locks.onRenewed(SystemClock.INSTANCE.nowNs(), 1, List.of());
  }

  FileLocks locks() {
    return locks;
  }

  private static Reply agree(Request request) {
    return request.getBodyCase() == BodyCase.START_LOCKD
        ? Reply.newBuilder().setStartLockd(StartLockdReply.newBuilder().setTerm(1)).build()
        : Replies.OK;
  }

  /** A connection that carries the session, and pushes. */
  private Peer client() {
    PeerIdentity identity =
        new PeerIdentity(
            "client",
            "here",
            SESSION,
            1,
            null,
            0,
            push -> {
              locks.onPush(push);
              return true;
            });
    return (request, payload, timeoutNs, onReply) -> {
      payload.release();
      lockd.onRequest(
          request.toBuilder().setSession(SESSION).build(),
          Payload.EMPTY,
          new Responder() {
            @Override
            public void reply(Reply reply, Payload body) {
              onReply.onReply(reply, body);
            }

            @Override
            public PeerIdentity peer() {
              return identity;
            }
          });
    };
  }

  @Override
  public void close() {
    agent.close();
  }
}
