package io.lockstep.tools.repro;

import io.lockstep.lockd.lease.LeaseRules;
import io.lockstep.wire.message.LeaseMode;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Confined to the agent of its table. How the bricks of GlusterFS lock: requests of one owner never
 * conflict and go ahead of those who wait, each grant is an object of its own, an unlock removes
 * one object, and nothing else does but the end of the client.
 */
final class AfrLeaseRules extends LeaseRules {
  private record Place(long session, long inode) {}

  /** The exclusive leases that stand: AFR's readers take no lock. */
  private final Map<Place, Set<Long>> objects = new HashMap<>();

  @Override
  public boolean ownConflicts(LeaseMode held, LeaseMode wanted) {
    return false;
  }

  @Override
  public boolean overtakes() {
    return true;
  }

  @Override
  public void onGranted(long session, long inode, long lease, LeaseMode mode) {
    if (mode == LeaseMode.EXCLUSIVE) {
      objects.computeIfAbsent(new Place(session, inode), p -> new HashSet<>()).add(lease);
    }
  }

  @Override
  public boolean endsByRelease(long session, long inode, long lease) {
    Place place = new Place(session, inode);
    Set<Long> standing = objects.getOrDefault(place, Set.of());
    if (!standing.isEmpty()) {
      standing.remove(lease);
    }
    if (!standing.isEmpty()) {
      return false;
    }
    objects.remove(place);
    return true;
  }

  @Override
  public boolean endsIfUnknown() {
    return false;
  }
}
