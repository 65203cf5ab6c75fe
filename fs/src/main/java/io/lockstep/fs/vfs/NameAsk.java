package io.lockstep.fs.vfs;

import io.lockstep.fs.vfs.LeasedNames.Directory;
import org.jspecify.annotations.Nullable;

/**
 * Immutable. A question to the master and the leases that it proposes; ended by one call of the
 * {@link NameCache} that takes it.
 */
final class NameAsk {
  final long moment;
  final long directory;

  /** The directory as it was leased when the question began. */
  final @Nullable Directory held;

  /** The lease to propose on the directory that is asked; 0 = none. */
  final long lease;

  /** The lease to propose on what is found or made; 0 = none. */
  final long foundLease;

  NameAsk(long moment, long directory, @Nullable Directory held, long lease, long foundLease) {
    this.moment = moment;
    this.directory = directory;
    this.held = held;
    this.lease = lease;
    this.foundLease = foundLease;
  }
}
