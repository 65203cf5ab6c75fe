package io.lockstep.core;

/**
 * Immutable. The mode of a member of a replica set (DESIGN section 2). The number is what travels
 * and what is stored.
 */
public enum MemberMode {
  /** In step: takes writes, serves reads. */
  RW(1),
  /** Takes writes, serves no reads, is being healed or rebuilt. */
  WO(2),
  /** Out of step: takes part in nothing. */
  ERR(3);

  private final int number;

  MemberMode(int number) {
    this.number = number;
  }

  public int number() {
    return number;
  }

  /** The mode with this number, or null. */
  public static MemberMode ofNumber(int number) {
    return switch (number) {
      case 1 -> RW;
      case 2 -> WO;
      case 3 -> ERR;
      default -> null;
    };
  }
}
