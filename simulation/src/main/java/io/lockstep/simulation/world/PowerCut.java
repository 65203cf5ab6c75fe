package io.lockstep.simulation.world;

/** Immutable. The host stops in the middle of what it does: unwinds to the queue of events. */
public final class PowerCut extends Error {
  private static final long serialVersionUID = 1;

  private final transient SimHost host;

  public PowerCut(SimHost host) {
    super("the power of " + host.name() + " is cut", null, false, false);
    this.host = host;
  }

  SimHost host() {
    return host;
  }
}
