package io.lockstep.core;

/**
 * Immutable. A request ended with a code other than {@link ErrorCode#OK}: the checked exception
 * that blocking code (the vfs, the command line) throws; pure code returns the code itself.
 */
public final class Outcome extends Exception {
  private static final long serialVersionUID = 1;

  private final ErrorCode code;

  public Outcome(ErrorCode code, String message) {
    super(message == null || message.isEmpty() ? code.name() : message, null, false, false);
    Check.that(!code.isOk(), "OK is not an error: %s", message);
    this.code = code;
  }

  public ErrorCode code() {
    return code;
  }
}
