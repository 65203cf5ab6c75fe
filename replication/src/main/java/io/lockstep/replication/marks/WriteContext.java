package io.lockstep.replication.marks;

import io.lockstep.core.Token;
import java.util.List;

/**
 * Immutable. Where a change of an object belongs, as its sender says.
 *
 * @param token of the sender's exclusive lease: the fence
 * @param epoch of the configuration that the sender follows
 * @param absent members that take no part: pending marks for them stand before the answer (P2)
 */
public record WriteContext(Token token, long cycle, int layer, long epoch, List<Integer> absent) {
  public WriteContext {
    absent = List.copyOf(absent);
  }
}
