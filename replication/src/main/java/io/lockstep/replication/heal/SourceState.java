package io.lockstep.replication.heal;

import io.lockstep.core.Token;
import java.util.Set;

/**
 * Immutable. What a source says of one object.
 *
 * @param newest the newest token that it knows
 * @param missedBy members that it has a pending mark about
 */
public record SourceState(
    boolean exists, boolean tombstone, long size, Token newest, Set<Integer> missedBy) {
  /** Of a source that did not answer. */
  public static final SourceState NONE = new SourceState(false, false, 0, Token.NONE, Set.of());

  public SourceState {
    missedBy = Set.copyOf(missedBy);
  }

  /** How much of it there is to copy. */
  public long sizeBytes() {
    return exists ? size : 0;
  }
}
