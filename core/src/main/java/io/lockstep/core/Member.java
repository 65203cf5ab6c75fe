package io.lockstep.core;

import java.util.UUID;

/**
 * Immutable. One member of a replica set, as the master's log has it.
 *
 * @param id unique within the set, from 1, never reused: what pending marks name
 * @param daemon the storage daemon that holds this replica
 * @param mode RW, WO or ERR
 * @param incarnation the run of the daemon that the mode speaks of; another run is not in step (P3)
 */
public record Member(int id, UUID daemon, MemberMode mode, long incarnation) {
  public Member with(MemberMode newMode, long newIncarnation) {
    return new Member(id, daemon, newMode, newIncarnation);
  }

  /** Whether writes go to it. */
  public boolean takesWrites() {
    return mode != MemberMode.ERR;
  }
}
