package io.lockstep.simulation.world;

import io.lockstep.core.Agent;
import io.lockstep.core.Clock;

/**
 * Confined to the thread of the simulation. An agent of a host: its tasks run in the order in which
 * they came, each a little later than it was handed over, and not while the agent is busy with the
 * disk.
 */
public final class SimAgent implements Agent {
  private static final int HANDOVER_NS_MAX = 20_000;

  private final VirtualTime time;
  private final SimHost host;
  private final String what;
  private long lastNs;
  private long busyUntilNs;

  SimAgent(VirtualTime time, SimHost host, String name) {
    this.time = time;
    this.host = host;
    this.what = host.name() + "/" + name;
  }

  @Override
  public boolean execute(Runnable task) {
    lastNs = Math.max(lastNs, time.nowNs() + 1 + host.chance().nextInt(HANDOVER_NS_MAX));
    time.add(lastNs, host, this, what, task);
    return true;
  }

  @Override
  public Timer schedule(long delayNs, Runnable task) {
    // Exact, so that timers keep the order of their deadlines.
    return time.add(time.nowNs() + host.realNs(Math.max(0, delayNs)), host, this, what, task);
  }

  @Override
  public Clock clock() {
    return host;
  }

  /** The task that runs now takes so long: the next ones wait. */
  public void spend(long durationNs) {
    busyUntilNs = Math.max(busyUntilNs, time.nowNs()) + durationNs;
  }

  long busyUntilNs() {
    return busyUntilNs;
  }
}
