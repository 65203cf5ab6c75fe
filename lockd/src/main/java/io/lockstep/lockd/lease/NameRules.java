package io.lockstep.lockd.lease;

/**
 * Immutable. The decisions about directory leases that carry P14, apart from the bookkeeping, so
 * that a test can show what each is for by changing it. Production has one set.
 */
class NameRules {
  static final NameRules PRODUCTION = new NameRules();

  /** Whether a change is answered only when others have let go. */
  boolean waitsForRecall() {
    return true;
  }

  /** Whether leases of a former term stand in the way until their holders have told. */
  boolean waitsForFormerTerm() {
    return true;
  }
}
