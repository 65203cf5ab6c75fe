package io.lockstep.wire.netty;

import io.lockstep.core.AgentThread;

/**
 * Immutable. How a server is to run.
 *
 * @param host to bind: a loopback address, until there is TLS
 * @param port 0 = any free one
 * @param credentials the cluster may be 0 and be told later by {@link NettyServer#adoptCluster}
 * @param identity told to clients
 * @param failures gets what the request handler throws: a bug of this process
 * @param limits {@link ServerLimits#DEFAULT} in production
 */
public record ServerOptions(
    String host,
    int port,
    Credentials credentials,
    Identity identity,
    AgentThread.FailureHandler failures,
    ServerLimits limits) {

  /** With the default limits. */
  public ServerOptions(
      String host,
      int port,
      Credentials credentials,
      Identity identity,
      AgentThread.FailureHandler failures) {
    this(host, port, credentials, identity, failures, ServerLimits.DEFAULT);
  }

  public ServerOptions with(ServerLimits newLimits) {
    return new ServerOptions(host, port, credentials, identity, failures, newLimits);
  }
}
