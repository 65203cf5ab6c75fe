package io.lockstep.core;

import java.util.concurrent.TimeUnit;

/**
 * Immutable. The times of DESIGN section 6, in one place; tests and the simulator pass shorter
 * ones.
 *
 * @param memberCallNs a call to a storage daemon fails after this
 * @param renewalNs a session is renewed this often
 * @param leaseLifeNs a session and its leases live this long after the last renewal
 * @param graceNs a new lockd waits this long for reclaims, drift included
 * @param operationNs an operation of an application gets an errno after this
 */
public record Times(
    long memberCallNs, long renewalNs, long leaseLifeNs, long graceNs, long operationNs) {
  public static final Times DEFAULT =
      new Times(
          TimeUnit.SECONDS.toNanos(4),
          TimeUnit.SECONDS.toNanos(1),
          TimeUnit.SECONDS.toNanos(10),
          TimeUnit.MILLISECONDS.toNanos(10_500),
          TimeUnit.SECONDS.toNanos(30));

  /**
   * How long a holder may believe in its lease, counted from sending the renewal: 5 % less than its
   * life (P13).
   */
  public long holderLifeNs() {
    return leaseLifeNs - leaseLifeNs / 20;
  }
}
