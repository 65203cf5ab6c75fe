package io.lockstep.lockd.client;

import java.util.Comparator;

/**
 * Immutable. A place in the order in which lockd executes. Its answers and pushes overtake each
 * other, and only this says which came later.
 *
 * @param position 0 = before anything in that term
 * @param operation 0 = executed there; else not yet there: this operation comes somewhere behind
 */
record Moment(long term, long position, long operation) implements Comparable<Moment> {
  static final Moment FIRST = new Moment(0, 0, 0);

  private static final Comparator<Moment> ORDER =
      Comparator.comparingLong(Moment::term)
          .thenComparingLong(Moment::position)
          .thenComparingLong(Moment::operation);

  /** Executed there. */
  static Moment of(long term, long position) {
    return new Moment(term, position, 0);
  }

  /** The operation was not executed up to here. */
  Moment before(long laterOperation) {
    return new Moment(term, position, laterOperation);
  }

  Moment max(Moment other) {
    return compareTo(other) >= 0 ? this : other;
  }

  @Override
  public int compareTo(Moment other) {
    return ORDER.compare(this, other);
  }
}
