package io.lockstep.replication.registry;

/** Immutable. The state of a replica's record (I6). The number is what is stored. */
public enum ReplicaState {
  /** The name is taken; nothing is on the disk. */
  RESERVED(1),
  /** Its directory is being made. */
  CREATING(2),
  /** Its directory is whole. */
  LIVE(3),
  /** Its directory is being removed. */
  DELETING(4);

  private final int number;

  ReplicaState(int number) {
    this.number = number;
  }

  public int number() {
    return number;
  }

  /** The state with this number, or null. */
  public static ReplicaState ofNumber(int number) {
    for (ReplicaState state : values()) {
      if (state.number == number) {
        return state;
      }
    }
    return null;
  }

  /** Whether nobody is at work on it: verify looks at no other. */
  public boolean isSettled() {
    return this == LIVE;
  }

  boolean mayBecome(ReplicaState next) {
    return switch (this) {
      case RESERVED -> next == CREATING || next == DELETING;
      case CREATING -> next == LIVE || next == DELETING;
      case LIVE -> next == DELETING;
      case DELETING -> false;
    };
  }
}
