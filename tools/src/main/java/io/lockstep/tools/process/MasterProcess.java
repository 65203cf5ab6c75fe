package io.lockstep.tools.process;

import io.lockstep.core.AgentThread;
import io.lockstep.core.SystemClock;
import io.lockstep.core.Times;
import io.lockstep.lockd.lease.LeaseLimits;
import io.lockstep.lockd.lease.LeaseRules;
import io.lockstep.lockd.server.LockdServer;
import io.lockstep.metadata.server.LeadershipListener;
import io.lockstep.metadata.server.MetadataServer;
import io.lockstep.metadata.server.MetadataServerOptions;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.MasterSettings;
import io.lockstep.tools.config.SecretFile;
import io.lockstep.wire.LocalPeer;
import io.lockstep.wire.RequestRouter;
import io.lockstep.wire.netty.ClientOptions;
import io.lockstep.wire.netty.Credentials;
import io.lockstep.wire.netty.Identity;
import io.lockstep.wire.netty.NettyPeers;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/**
 * Immutable. The process {@code lockstep master}: the metadata server and lockd behind one
 * listener, each knowing the other by messages only.
 */
public final class MasterProcess {
  private static final int INBOX_MAX = 16_384;
  private static final long LEAD_NS = TimeUnit.SECONDS.toNanos(60);

  private MasterProcess() {}

  /** Returns when it leads and serves. */
  public static void start(MasterSettings settings, Lifetime lifetime)
      throws IOException, UserError, InterruptedException {
    start(settings, LeaseLimits.of(Times.DEFAULT), () -> LeaseRules.PRODUCTION, lifetime);
  }

  /**
   * @param limits of lockd
   * @param rules of each lease table, for reproductions
   */
  public static void start(
      MasterSettings settings, LeaseLimits limits, Supplier<LeaseRules> rules, Lifetime lifetime)
      throws IOException, UserError, InterruptedException {
    byte[] secret = SecretFile.read(settings.secretFile());
    ProcessLog.toFile(settings.logFile());
    LatePeers peers = new LatePeers();
    MetadataServer metadata =
        lifetime.closes(
            new MetadataServer(
                MetadataServerOptions.single(settings.data(), 0, Version.TEXT),
                peers,
                SystemClock.INSTANCE,
                Fatal.INSTANCE));
    Credentials credentials = new Credentials(secret, metadata.cluster());
    Identity identity = Identity.of("master");
    peers.set(
        lifetime.closes(
            new NettyPeers(ClientOptions.plain(identity, credentials, Fatal.INSTANCE))));
    LockdServer lockd = lockd(metadata, limits, rules, lifetime);
    RequestRouter router =
        RequestRouter.builder()
            .route(lockd.observing(metadata), MetadataServer.CLIENT_KINDS)
            .route(lockd, LockdServer.CLIENT_KINDS)
            .build();
    Listener listener =
        Listener.start(
            settings.host(), settings.port(), settings.data(), credentials, identity, router);
    lifetime.closes(listener.server());
    metadata.announce(listener.address());
    metadata.start();
    if (!metadata.awaitLeading(LEAD_NS)) {
      throw UserError.failed(
          "this master does not lead after %d s", TimeUnit.NANOSECONDS.toSeconds(LEAD_NS));
    }
    Ready.write("master", listener.address(), settings.readyFile());
  }

  private static LockdServer lockd(
      MetadataServer metadata, LeaseLimits limits, Supplier<LeaseRules> rules, Lifetime lifetime) {
    AgentThread agent =
        lifetime.closes(
            new AgentThread("lockd", SystemClock.INSTANCE, INBOX_MAX, Fatal.INSTANCE).start());
    LockdServer lockd =
        lifetime.closes(
            new LockdServer(
                new LocalPeer(metadata), metadata::epochOf, agent, Times.DEFAULT, limits, rules));
    metadata.setLockd(new LocalPeer(lockd));
    metadata.addListener(
        new LeadershipListener() {
          @Override
          public void onLeading() {
            lockd.start();
          }

          @Override
          public void onFollowing() {
            lockd.stop();
          }
        });
    return lockd;
  }
}
