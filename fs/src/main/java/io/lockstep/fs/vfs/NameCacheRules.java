package io.lockstep.fs.vfs;

/**
 * Immutable. The decision of the name cache that a test changes, to show what it is for. Production
 * has one set.
 */
class NameCacheRules {
  static final NameCacheRules PRODUCTION = new NameCacheRules();

  /** Whether a grant comes after the recall that has overtaken it. */
  boolean isRecalled(long lease, long recalled) {
    return lease <= recalled;
  }
}
