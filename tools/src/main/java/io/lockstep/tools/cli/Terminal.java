package io.lockstep.tools.cli;

/** Immutable. Whether somebody looks: the launcher knows, the JVM of Java 17 cannot tell. */
final class Terminal {
  private Terminal() {}

  static boolean isStderr() {
    return "1".equals(System.getenv("LOCKSTEP_TERMINAL"));
  }
}
