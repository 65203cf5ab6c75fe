package io.lockstep.tools.process;

/** Immutable. What this program calls itself. */
public final class Version {
  public static final String TEXT = "0.1.0";

  private Version() {}
}
