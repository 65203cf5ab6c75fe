package io.lockstep.core;

import org.jetbrains.lincheck.datastructures.Operation;

/** An agent that was not started, with room for two tasks. */
public class AgentThreadOperations {
  private static final Clock STILL =
      new Clock() {
        @Override
        public long nowNs() {
          return 0;
        }

        @Override
        public long wallTimeNs() {
          return 0;
        }
      };

  private final AgentThread agent = new AgentThread("lincheck", STILL, 2, (name, failure) -> {});

  @Operation
  public boolean execute() {
    return agent.execute(() -> {});
  }
}
