package io.lockstep.tools.process;

import io.lockstep.core.AgentThread;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Immutable. What a process does about a bug of its own, or about a store that failed: it says so
 * and stops at once, as nothing that it would do from then on can be trusted (I11).
 */
final class Fatal implements AgentThread.FailureHandler {
  static final Fatal INSTANCE = new Fatal();

  private static final Logger LOG = LoggerFactory.getLogger(Fatal.class);
  private static final int EXIT_CODE = 70;

  private Fatal() {}

  @Override
  public void onFailure(String agent, Throwable failure) {
    LOG.error("stopping: {} failed", agent, failure);
    System.err.println("lockstep: stopping: " + agent + " failed: " + failure);
    Runtime.getRuntime().halt(EXIT_CODE);
  }
}
