package io.lockstep.metadata.catalogue;

import io.lockstep.core.Member;

/** Confined to its {@link SetKeeper}. What the master hears of one member; none of it is logged. */
final class MemberWatch {
  private final KeeperTimes times;
  // 0 = not heard since this master leads.
  private long incarnation;
  private boolean heard;
  private long heardNs;
  private long adoptedEpoch;
  private long adoptedIncarnation;
  private long sentEpoch;
  private boolean sentHeal;
  private long sentNs;
  private boolean healConfirmed;
  private int failures;
  private long failedNs;
  private boolean heardSinceFailure;
  private int adoptFailures;

  MemberWatch(KeeperTimes times) {
    this.times = times;
  }

  long incarnation() {
    return incarnation;
  }

  void onHeard(long newIncarnation, long epoch, long nowNs) {
    if (newIncarnation != incarnation) {
      incarnation = newIncarnation;
      adoptedEpoch = 0;
      sentEpoch = 0;
      healConfirmed = false;
      adoptFailures = 0;
    }
    heard = true;
    heardNs = nowNs;
    heardSinceFailure = true;
    if (epoch > 0) {
      onAdopted(newIncarnation, epoch);
    }
  }

  /** The master stood still: whoever was heard before it did counts as heard now. */
  void onStalled(long sinceNs, long nowNs) {
    if (isHeard(sinceNs)) {
      heardNs = nowNs;
    }
  }

  /** Whether its daemon is there, in whatever run. */
  boolean isHeard(long nowNs) {
    return heard && nowNs - heardNs <= times.heardNs();
  }

  /** Whether the run that the log speaks of is there. */
  boolean isHeardAs(Member member, long nowNs) {
    return isHeard(nowNs) && incarnation == member.incarnation();
  }

  /** Whether a newer run than the log speaks of is there. */
  boolean isRestarted(Member member, long nowNs) {
    return isHeard(nowNs) && Long.compareUnsigned(incarnation, member.incarnation()) > 0;
  }

  void onAdopted(long byIncarnation, long epoch) {
    if (byIncarnation == incarnation) {
      adoptedEpoch = Math.max(adoptedEpoch, epoch);
      adoptedIncarnation = byIncarnation;
      adoptFailures = 0;
    }
  }

  boolean hasAdopted(long epoch) {
    return adoptedIncarnation == incarnation && adoptedEpoch >= epoch;
  }

  void onAdoptFailed() {
    adoptFailures++;
  }

  int adoptFailures() {
    return adoptFailures;
  }

  /** Whether it is time to send this epoch, for the first time or again; if so, it is noted. */
  boolean trySend(long epoch, boolean heal, long nowNs) {
    if (sentEpoch == epoch && sentHeal == heal && nowNs - sentNs < times.resendNs()) {
      return false;
    }
    sentEpoch = epoch;
    sentHeal = heal;
    sentNs = nowNs;
    return true;
  }

  void onConfigChanged() {
    sentEpoch = 0;
    healConfirmed = false;
    adoptFailures = 0;
  }

  void onHealConfirmed() {
    healConfirmed = true;
  }

  boolean isHealConfirmed() {
    return healConfirmed;
  }

  /** It was logged ERR: a run that goes on must wait before it may return. */
  void onFailed(long nowNs) {
    if (failures > 0 && nowNs - failedNs > 2 * times.returnMaxNs()) {
      failures = 0;
    }
    failures++;
    failedNs = nowNs;
    heardSinceFailure = false;
  }

  /** Whether an ERR member may return: at once as a new run, else after a pause that grows. */
  boolean mayReturn(Member member, long nowNs) {
    if (isRestarted(member, nowNs)) {
      return true;
    }
    if (!isHeardAs(member, nowNs) || !heardSinceFailure) {
      return false;
    }
    int doubled = Math.min(Math.max(0, failures - 1), 16);
    long pauseNs = Math.min(times.returnMaxNs(), times.returnNs() << doubled);
    return failures == 0 || nowNs - failedNs >= pauseNs;
  }
}
