package io.lockstep.wire.netty;

import io.lockstep.core.AgentThread;
import java.util.function.LongSupplier;

/**
 * Immutable. How the connections of a client are to be made.
 *
 * @param identity told to servers
 * @param credentials the cluster may be 0: that of the first server that proves the secret counts
 * @param session asked before each call; 0 = none yet. A call after it changed goes over a new
 *     connection that carries the new one
 * @param pushes gets what servers send without being asked
 * @param failures gets what reply and push handlers throw: a bug of this process
 * @param limits {@link ClientLimits#DEFAULT} in production
 */
public record ClientOptions(
    Identity identity,
    Credentials credentials,
    LongSupplier session,
    PushHandler pushes,
    AgentThread.FailureHandler failures,
    ClientLimits limits) {

  /** With the default limits. */
  public ClientOptions(
      Identity identity,
      Credentials credentials,
      LongSupplier session,
      PushHandler pushes,
      AgentThread.FailureHandler failures) {
    this(identity, credentials, session, pushes, failures, ClientLimits.DEFAULT);
  }

  /** Without session, and nobody pushes to it: daemons and the command line. */
  public static ClientOptions plain(
      Identity identity, Credentials credentials, AgentThread.FailureHandler failures) {
    return new ClientOptions(identity, credentials, () -> 0, PushHandler.NONE, failures);
  }

  public ClientOptions with(ClientLimits newLimits) {
    return new ClientOptions(identity, credentials, session, pushes, failures, newLimits);
  }
}
