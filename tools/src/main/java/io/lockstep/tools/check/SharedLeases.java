package io.lockstep.tools.check;

import io.lockstep.core.Outcome;
import io.lockstep.wire.message.Attributes;

/**
 * The port to leases: holding one shared means that nobody writes the file, and that everything
 * written has reached the members and the namespace.
 */
public interface SharedLeases {
  /** Runs {@code action} under a shared lease on a file of replica set {@code set}. */
  <T> T under(long inode, long set, Action<T> action) throws Outcome;

  /** What is done while the lease is held. */
  interface Action<T> {
    /** Gets the attributes as of the grant. */
    T run(Attributes attributes) throws Outcome;
  }
}
