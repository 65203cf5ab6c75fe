package io.lockstep.replication.client;

import io.lockstep.core.Times;

/**
 * Immutable. The decisions on which it depends that nobody reads what is no longer so, apart from
 * the bookkeeping, so that a test can show what each is for by changing it. Production has one set:
 * the methods as they stand here.
 */
public class CoherenceRules {
  public static final CoherenceRules PRODUCTION = new CoherenceRules();

  /**
   * Whether what a member answered to a read on a caller's thread is still the file's: only under
   * the lease that the read began under, for another mount may have written in between.
   *
   * @param now null = no lease is held, or it is on its way back
   */
  boolean mayAnswer(LeasedInode.ReadGrant begun, LeasedInode.ReadGrant now) {
    return begun.equals(now);
  }

  /**
   * Whether the kernel has to drop its pages (once more) before the lease goes: who joined since
   * the last time may have left new ones.
   *
   * @param dropped uses of the file when the last drop that {@linkplain #counts counts} began
   * @param uses so far
   */
  boolean mustDropAgain(long dropped, long uses) {
    return dropped != uses;
  }

  /**
   * Whether nothing of what was used before has to be dropped once more.
   *
   * @param done the kernel has dropped its pages; else it has only been told to
   */
  boolean counts(boolean done) {
    return done;
  }

  /**
   * How long a lease that is to go is kept for pages that the kernel does not let go of, while the
   * session is renewed and the kernel is told again. Longer than a member may keep a read, and well
   * within the life of a lease, so that others wait no longer for a kernel than for a dead mount.
   */
  long keepsLeaseNs(Times times) {
    return times.holderLifeNs() / 2;
  }

  /**
   * Whose pages the kernel is not told to drop: of those who wait for a lease, for it would wait
   * for them, and they for the lease that is to go.
   */
  WaitingRequests spared(WaitingRequests waiting) {
    return waiting;
  }

  /**
   * Whether the kernel, which has not dropped its pages yet, is told once more.
   *
   * @param others somebody waits for a lease now who did not the last time
   * @param again it was told a while ago
   */
  boolean mustTellAgain(boolean others, boolean again) {
    return others || again;
  }

  /**
   * Whether size and times are not this mount's any more when a lease has been let go. While the
   * pages of a shared one were dropped, its upgrade may have been granted: that one stays.
   *
   * @param held the lease that is held now; 0 = none
   */
  boolean disowns(long released, long held) {
    return held == 0 || held == released;
  }

  /**
   * Whether a read waits for writes of its pages that came before it: {@link WritesUnderWay} says
   * what would stay in the kernel else.
   */
  boolean mustWaitForWrites() {
    return true;
  }
}
