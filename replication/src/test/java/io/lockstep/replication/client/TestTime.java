package io.lockstep.replication.client;

import io.lockstep.core.Agent;
import io.lockstep.core.Clock;

/** The time and the one agent that a {@link FakeCluster} and its clients live by. */
interface TestTime extends Agent, Clock, Waits {
  /** Lets time pass; real time is waited for. */
  void pass(long durationNs);
}
