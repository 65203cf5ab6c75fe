package io.lockstep.tools.cluster;

import io.lockstep.core.AgentThread;
import io.lockstep.core.Outcome;
import io.lockstep.core.SystemClock;
import io.lockstep.core.Times;
import io.lockstep.metadata.client.MasterClient;
import io.lockstep.tools.UserError;
import io.lockstep.tools.config.SecretFile;
import io.lockstep.wire.Peer;
import io.lockstep.wire.PeerDirectory;
import io.lockstep.wire.message.Reply;
import io.lockstep.wire.message.Request;
import io.lockstep.wire.netty.ClientOptions;
import io.lockstep.wire.netty.Credentials;
import io.lockstep.wire.netty.Identity;
import io.lockstep.wire.netty.NettyPeers;
import java.security.SecureRandom;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicReference;

/** Confined to its caller. What a command talks through, from its start to its end. */
public final class AdminConnection implements AutoCloseable {
  private static final int INBOX_MAX = 10_000;

  private final PeerDirectory peers;
  private final AutoCloseable transport;
  private final AgentThread agent;
  private final MasterClient master;

  /**
   * @param peers finds masters and storage daemons
   * @param transport closed at the end
   */
  public AdminConnection(PeerDirectory peers, AutoCloseable transport, List<String> masters) {
    this.peers = peers;
    this.transport = transport;
    this.agent =
        new AgentThread("command", SystemClock.INSTANCE, INBOX_MAX, AdminConnection::onFailure)
            .start();
    this.master = new MasterClient(masters, peers, agent, Times.DEFAULT, new Random());
  }

  /** Nothing is connected before the first question. */
  public static AdminConnection open(ClusterAddress address) throws UserError {
    Credentials credentials = new Credentials(SecretFile.read(address.secretFile()), 0);
    AtomicReference<AdminConnection> made = new AtomicReference<>();
    NettyPeers peers =
        new NettyPeers(
            new ClientOptions(
                Identity.of("admin"),
                credentials,
                () -> made.get() == null ? 0 : made.get().master().session(),
                (server, push) -> made.get().master().onPush(push),
                AdminConnection::onFailure));
    AdminConnection connection = new AdminConnection(peers, peers, address.masters());
    made.set(connection);
    return connection;
  }

  /** A bug of ours: one line with its place, as a command says everything else that goes wrong. */
  private static void onFailure(String agent, Throwable failure) {
    StackTraceElement[] trace = failure.getStackTrace();
    String place = trace.length == 0 ? "" : " at " + trace[0];
    System.err.println("lockstep: stopping: " + agent + " failed: " + failure + place);
    Runtime.getRuntime().halt(1);
  }

  /** The way to whichever master leads; without a session until one is opened on it. */
  public MasterClient master() {
    return master;
  }

  /** A random number for one wish: it tells its repeats from the wishes of others. */
  public static long newWish() {
    long wish = new SecureRandom().nextLong();
    return wish == 0 ? 1 : wish;
  }

  public Reply ask(Request request, long timeoutNs) throws Outcome {
    return master.ask(request, timeoutNs);
  }

  public Peer peer(String address) {
    return peers.peer(address);
  }

  @Override
  public void close() {
    master.close();
    agent.close();
    try {
      transport.close();
    } catch (Exception e) {
      throw new IllegalStateException("the transport does not close", e);
    }
  }
}
