package io.lockstep.tools.cli;

import io.lockstep.tools.UserError;

/** Immutable. The bounds of numbers on the command line. */
final class Bounds {
  private Bounds() {}

  /** The value, which is misuse outside of {@code min} to {@code max}. */
  static int within(String option, int value, int min, int max) throws UserError {
    if (value < min || value > max) {
      throw UserError.misuse("%s is %d, expected %d to %d", option, value, min, max);
    }
    return value;
  }
}
