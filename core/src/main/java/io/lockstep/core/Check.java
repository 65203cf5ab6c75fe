package io.lockstep.core;

import java.util.Locale;

/**
 * Immutable. Assertions about our own reasoning that stay on in production (DESIGN I11).
 *
 * <p>A check that fails is a bug of this process: it throws {@link BrokenInvariant}, which only the
 * loop of an agent or {@code main} may catch, to stop the process or to fail that one operation.
 * What a peer or a file says is never checked here; it is answered with an {@link ErrorCode}.
 */
public final class Check {
  private Check() {}

  /** Thrown when an invariant of our own does not hold. */
  public static final class BrokenInvariant extends Error {
    private static final long serialVersionUID = 1;

    BrokenInvariant(String message) {
      super(message);
    }
  }

  /**
   * Throws unless {@code condition} holds.
   *
   * @param format a {@link String#format} pattern that names the values found and expected
   */
  public static void that(boolean condition, String format, Object... values) {
    if (!condition) {
      throw new BrokenInvariant(String.format(Locale.ROOT, format, values));
    }
  }

  /**
   * For a branch that cannot be reached; the result is for {@code throw Check.unreachable(...)}.
   */
  public static BrokenInvariant unreachable(String format, Object... values) {
    return new BrokenInvariant(String.format(Locale.ROOT, format, values));
  }
}
