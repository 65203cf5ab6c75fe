package io.lockstep.tools.explore;

import io.lockstep.replication.eagerlock.Mode;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Confined to its world. What lockd does with the leases of one inode for the client that is
 * explored, and for one other client. In AFR's manner a client never stands in its own way, each of
 * its grants is an object of its own, and only an unlock takes one away.
 */
final class PeerModel {
  enum Other {
    ABSENT,
    WAITS,
    HOLDS,
    SERVED
  }

  private final boolean historic;

  /** Leases that stand, by id. */
  final TreeMap<Long, Mode> granted = new TreeMap<>();

  /** A request that waits; 0 = none. */
  long waiting;

  private Mode wanted;

  /** A grant on its way to the client; 0 = none. */
  long granting;

  /** Recalls on their way. */
  final TreeSet<Long> recalling = new TreeSet<>();

  Other other = Other.ABSENT;
  private boolean otherIsFirst;

  PeerModel(boolean historic) {
    this.historic = historic;
  }

  PeerModel(PeerModel from) {
    historic = from.historic;
    granted.putAll(from.granted);
    waiting = from.waiting;
    wanted = from.wanted;
    granting = from.granting;
    recalling.addAll(from.recalling);
    other = from.other;
    otherIsFirst = from.otherIsFirst;
  }

  void onAcquire(long lease, Mode mode) {
    waiting = lease;
    wanted = mode;
    otherIsFirst = other == Other.WAITS && !(historic && !granted.isEmpty());
    pump();
  }

  void onOtherAcquires() {
    other = Other.WAITS;
    otherIsFirst = waiting == 0;
    pump();
  }

  void onOtherReleases() {
    other = Other.SERVED;
    pump();
  }

  /** Idempotent; also of one that waits. */
  void onRelease(long lease) {
    granted.remove(lease);
    if (waiting == lease) {
      waiting = 0;
    }
    if (granting == lease) {
      granting = 0;
    }
    pump();
  }

  /** The client does not know this lease. AFR's peers never ask. */
  void onNotMine(long lease) {
    if (!historic) {
      onRelease(lease);
    }
  }

  private void pump() {
    boolean upgrade = isUpgrade();
    boolean own = historic || granted.isEmpty() || upgrade;
    if (waiting != 0 && !otherIsFirst && own && other != Other.HOLDS) {
      if (upgrade) {
        granted.clear();
      }
      granted.put(waiting, wanted);
      granting = waiting;
      waiting = 0;
    }
    if (other == Other.WAITS && granted.isEmpty() && (waiting == 0 || otherIsFirst)) {
      other = Other.HOLDS;
      otherIsFirst = false;
    }
    if (other == Other.WAITS || (waiting != 0 && !historic && !isUpgrade())) {
      recalling.addAll(granted.keySet());
    }
  }

  /** It takes the place of the shared lease. */
  private boolean isUpgrade() {
    return !historic && wanted == Mode.EXCLUSIVE && granted.containsValue(Mode.SHARED);
  }

  void appendKey(StringBuilder key, long base) {
    key.append(other).append(otherIsFirst ? '1' : '2');
    granted.forEach((lease, mode) -> key.append(mode.name().charAt(0)).append(lease - base));
    recalling.forEach(lease -> key.append('r').append(lease - base));
    if (waiting != 0) {
      key.append('w').append(waiting - base).append(wanted);
    }
    if (granting != 0) {
      key.append('a').append(granting - base);
    }
  }
}
