package io.lockstep.tools.process;

import io.lockstep.core.Outcome;
import io.lockstep.core.SystemClock;
import io.lockstep.replication.server.StorageAgents;
import io.lockstep.replication.server.StorageDaemon;
import io.lockstep.replication.server.StorageDaemonOptions;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.SecretFile;
import io.lockstep.tools.config.StorageSettings;
import io.lockstep.wire.netty.ClientOptions;
import io.lockstep.wire.netty.Credentials;
import io.lockstep.wire.netty.Identity;
import io.lockstep.wire.netty.NettyPeers;
import java.io.IOException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Immutable. The process {@code lockstep storage}. */
public final class StorageProcess {
  private static final Logger LOG = LoggerFactory.getLogger(StorageProcess.class);
  private static final long POLL_NS = TimeUnit.MILLISECONDS.toNanos(5);

  private StorageProcess() {}

  /** Returns when the master has registered it. */
  public static void start(StorageSettings settings, Lifetime lifetime)
      throws IOException, UserError, Outcome {
    byte[] secret = SecretFile.read(settings.secretFile());
    ProcessLog.toFile(settings.logFile());
    LatePeers peers = new LatePeers();
    StorageDaemon daemon =
        lifetime.closes(
            StorageDaemon.open(
                options(settings),
                peers,
                StorageAgents.threads(SystemClock.INSTANCE, Fatal.INSTANCE),
                failure -> onFatal(failure, settings, lifetime)));
    Credentials credentials = new Credentials(secret, daemon.cluster());
    Identity identity = Identity.storage(daemon.daemon(), daemon.incarnation());
    peers.set(
        lifetime.closes(
            new NettyPeers(ClientOptions.plain(identity, credentials, Fatal.INSTANCE))));
    Listener listener =
        Listener.start(
            settings.host(), settings.port(), settings.data(), credentials, identity, daemon);
    lifetime.closes(listener.server());
    daemon.start(listener.address());
    while (!daemon.isRegistered()) {
      // As long as no master answers there is nothing to do: SIGTERM ends it.
      LockSupport.parkNanos(POLL_NS);
    }
    listener.server().adoptCluster(daemon.cluster());
    Ready.write("storage", listener.address(), settings.readyFile());
  }

  private static StorageDaemonOptions options(StorageSettings settings) {
    StorageDaemonOptions usual = StorageDaemonOptions.of(settings.data(), settings.masters());
    return new StorageDaemonOptions(
        usual.directory(),
        usual.masters(),
        usual.cluster(),
        usual.daemon(),
        settings.zone(),
        Version.TEXT,
        usual.reserveBytes(),
        usual.openFilesMax(),
        usual.heartbeatNs(),
        usual.callTimeoutNs(),
        usual.verifyNs());
  }

  private static void onFatal(Outcome failure, StorageSettings settings, Lifetime lifetime) {
    if (settings.logFile() != null) {
      LOG.error("stopping: {}", failure.getMessage());
    }
    System.err.println("lockstep: " + failure.getMessage());
    lifetime.end(1);
  }
}
