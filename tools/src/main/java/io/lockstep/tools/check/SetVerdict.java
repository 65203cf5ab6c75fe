package io.lockstep.tools.check;

import java.util.List;

/**
 * Immutable. What a check found on one replica set.
 *
 * @param set its id
 * @param members that were compared, as {@code id@address}
 * @param files compared
 * @param bytes of them on one member
 * @param verdict EQUAL, DIFFERENT, or INCOMPLETE if something could not be compared
 * @param differences what is not as it should be
 * @param skipped what could not be compared, and why
 */
public record SetVerdict(
    long set,
    List<String> members,
    long files,
    long bytes,
    Verdict verdict,
    List<Difference> differences,
    List<String> skipped) {

  /** The outcome in a word. */
  public enum Verdict {
    /** All members hold the same, and what the namespace says. */
    EQUAL,
    /** At least one difference. */
    DIFFERENT,
    /** No difference was seen, but not everything could be compared. */
    INCOMPLETE
  }
}
