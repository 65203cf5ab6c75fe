package io.lockstep.simulation.check;

import io.lockstep.simulation.check.History.Promise;

/**
 * Confined to the owner of its {@link History}. Something that an application did to the bytes of a
 * file, from its begin on: how far it was acknowledged, and whether it may be gone again.
 */
public abstract class Change {
  private enum Fate {
    STAYS,
    /** Every replica in step went down at once: gone, unless an fsync succeeds later. */
    DOUBTFUL,
    /** Its client died or was told EIO. */
    LOST
  }

  private final int value;
  final String who;
  final String file;
  final long startNs;
  private long endNs = RegisterHistory.NEVER;
  private Promise promise = Promise.ACCEPTED;
  private Fate fate = Fate.STAYS;
  private long lostNs = RegisterHistory.NEVER;
  private boolean seenByAll;

  Change(int value, String who, String file, long startNs) {
    this.value = value;
    this.who = who;
    this.file = file;
    this.startNs = startNs;
  }

  /** Its number; no other has it. */
  public int value() {
    return value;
  }

  /** When it returned without an error; NEVER if its outcome is not known. */
  long endNs() {
    return endNs;
  }

  boolean isDone() {
    return endNs != RegisterHistory.NEVER;
  }

  /** Acknowledged, and nothing that happened since excuses its absence. */
  boolean stays() {
    return fate == Fate.STAYS;
  }

  /** Nothing can happen to it any more. */
  boolean isSettled() {
    return promise == Promise.DURABLE && fate == Fate.STAYS;
  }

  /**
   * Whether what {@code reader} saw at {@code atNs} counts: a read of what was lost later is no
   * witness if only the one who lost it could see it, or if all replicas lost it.
   */
  boolean isWitness(String reader, long atNs) {
    return stays() || atNs > lostNs || (!seenByAll && !who.equals(reader));
  }

  void end(Promise reached, long nowNs) {
    endNs = nowNs;
    promise = reached;
  }

  /** flush or fsync returned for it. */
  void onKept(Promise reached) {
    promise = reached.compareTo(promise) > 0 ? reached : promise;
    // Success is told for what is there only.
    boolean proved = reached == Promise.DURABLE && fate == Fate.DOUBTFUL;
    fate = proved ? Fate.STAYS : fate;
  }

  /** Its client died, or was told EIO. */
  void onLost(long nowNs) {
    if (promise == Promise.ACCEPTED || fate == Fate.DOUBTFUL) {
      // Also if it is lost already: what was told then may have been about another one.
      fate = Fate.LOST;
      lostNs = nowNs;
    }
  }

  /** No replica in step was left running. */
  void onBlackout(long nowNs) {
    if (promise != Promise.DURABLE) {
      fate = fate == Fate.LOST ? Fate.LOST : Fate.DOUBTFUL;
      lostNs = nowNs;
      seenByAll = true;
    }
  }

  /** For people: who did it, how far it got. */
  String state() {
    return promise + (stays() ? "" : ", " + fate);
  }
}
