package io.lockstep.tools.process;

import io.lockstep.lockd.client.FileLocks;
import io.lockstep.replication.client.ReplicationClient;
import io.lockstep.wire.Payload;
import io.lockstep.wire.RequestHandler;
import io.lockstep.wire.RequestRouter;
import io.lockstep.wire.Responder;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.message.Request.BodyCase;
import io.lockstep.wire.netty.Credentials;
import io.lockstep.wire.netty.Identity;
import io.lockstep.wire.netty.NettyServer;
import io.lockstep.wire.netty.ServerOptions;
import java.io.IOException;
import java.util.Set;
import java.util.function.LongSupplier;

/**
 * Immutable. What a mount answers to the command line, on a loopback port of its own behind the
 * cluster's secret: its side of the locks. The port stands in the mount's ready file.
 */
final class MountAdmin implements RequestHandler, AutoCloseable {
  private static final String HOST = "127.0.0.1";

  private final ReplicationClient files;
  private final FileLocks locks;
  private final LongSupplier session;
  private final NettyServer server;

  private MountAdmin(
      ReplicationClient files, FileLocks locks, LongSupplier session, byte[] secret) {
    this.files = files;
    this.locks = locks;
    this.session = session;
    RequestRouter router = RequestRouter.builder().route(this, Set.of(BodyCase.DUMP_LOCKS)).build();
    this.server =
        new NettyServer(
            new ServerOptions(
                HOST, 0, new Credentials(secret, 0), Identity.of("mount"), Fatal.INSTANCE),
            router);
  }

  /** Listens on a free port. */
  static MountAdmin start(
      ReplicationClient files, FileLocks locks, LongSupplier session, byte[] secret)
      throws IOException {
    MountAdmin admin = new MountAdmin(files, locks, session, secret);
    admin.server.start();
    return admin;
  }

  String address() {
    return HOST + ":" + server.port();
  }

  @Override
  public void onRequest(Request request, Payload payload, Responder responder) {
    payload.release();
    files.dump(
        dump ->
            locks.counters(
                counters ->
                    responder.reply(
                        Reply.newBuilder()
                            .setDumpLocks(
                                dump.setSession(session.getAsLong()).putAllCounters(counters))
                            .build())));
  }

  @Override
  public void close() {
    server.close();
  }
}
