package io.lockstep.tools;

import com.google.errorprone.annotations.FormatMethod;
import java.util.Locale;

/**
 * Immutable. What a person has to know and can act on: printed as one line on stderr, then the
 * process ends with {@link #exitCode}.
 */
public final class UserError extends Exception {
  private static final long serialVersionUID = 1;

  private final int exitCode;

  private UserError(int exitCode, String message) {
    super(message);
    this.exitCode = exitCode;
  }

  /** The request was right, the world did not allow it: exit code 1. */
  @FormatMethod
  public static UserError failed(String format, Object... values) {
    return new UserError(1, String.format(Locale.ROOT, format, values));
  }

  /** The request itself was wrong: exit code 2. */
  @FormatMethod
  public static UserError misuse(String format, Object... values) {
    return new UserError(2, String.format(Locale.ROOT, format, values));
  }

  public int exitCode() {
    return exitCode;
  }
}
