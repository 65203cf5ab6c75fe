package io.lockstep.core;

/**
 * Immutable. The fencing token of DESIGN section 2: rises with every exclusive grant and every seal
 * of an inode.
 *
 * @param term the Raft index of lockd's own start entry; never falls (P6)
 * @param sequence rises within a term
 */
public record Token(long term, long sequence) implements Comparable<Token> {
  /** Older than every token that is ever granted. */
  public static final Token NONE = new Token(0, 0);

  public boolean isOlderThan(Token other) {
    return compareTo(other) < 0;
  }

  @Override
  public int compareTo(Token other) {
    int byTerm = Long.compareUnsigned(term, other.term);
    return byTerm != 0 ? byTerm : Long.compareUnsigned(sequence, other.sequence);
  }

  @Override
  public String toString() {
    return term + "." + sequence;
  }
}
